//! What a person may read, as ranges of seqs: the times of their membership.

use anser_contract::{
    Context,
    v1::{ListVisibleReply, ListVisibleRequest, VisibleRange},
};
use anser_types::Result;

use super::reader_of;
use crate::{Messaging, membership};

/// All of them; what the person deleted for themselves is not taken out.
pub async fn list_visible(room: &Messaging, ctx: &Context, request: ListVisibleRequest) -> Result<ListVisibleReply> {
    let user = reader_of(ctx, &request.user_id)?;
    room.read(move |log| {
        let mut items = Vec::new();
        for (conversation, stays) in membership::conversations_of(log, user)? {
            items.extend(stays.into_iter().map(|stay| VisibleRange {
                conversation_id: conversation.to_vec(),
                from_seq: stay.from_seq,
                to_seq: stay.to_seq.unwrap_or(0),
            }));
        }
        Ok(ListVisibleReply { items })
    })
    .await
}
