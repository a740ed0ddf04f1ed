//! The invitations that wait for the caller.

use anser_contract::{
    Context,
    v1::{ListInvitationsReply, ListInvitationsRequest},
};
use anser_types::{ConversationId, Result};

use super::{page, store};
use crate::Messaging;

const QUERY: &str = "invitations";

/// A page of the caller's invitations, in the order of the groups' ids.
pub async fn list_invitations(
    room: &Messaging,
    ctx: &Context,
    request: ListInvitationsRequest,
) -> Result<ListInvitationsReply> {
    let user = ctx.user()?;
    let size = page::size(request.limit);
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(ConversationId::try_from(&room.pages.open(user, QUERY, cursor)?[..])?),
    };
    let mut items = room.db.read(move |reader| store::invitations(reader, user, after, size + 1)).await?;
    let last = page::cut(&mut items, size);
    let next_cursor = last.map(|last| room.pages.seal(user, QUERY, &last.conversation_id)).unwrap_or_default();
    Ok(ListInvitationsReply { items, next_cursor })
}
