//! Who is in a conversation now: for members only, in the order of their ids.

use anser_contract::{
    Context,
    v1::{ListMembersReply, ListMembersRequest},
};
use anser_types::{Action, Result, UserId};

use super::{allow, conversation_id, page, store};
use crate::{Messaging, membership::standing};

/// A page of members.
pub async fn list_members(room: &Messaging, ctx: &Context, request: ListMembersRequest) -> Result<ListMembersReply> {
    let user = ctx.user()?;
    let conversation = conversation_id(&request.conversation_id)?;
    let size = page::size(request.limit);
    let query = format!("members of {conversation}");
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(UserId::try_from(&room.pages.open(user, &query, cursor)?[..])?),
    };
    let strangers = room.options.strangers;
    let mut items = room
        .db
        .read(move |reader| {
            allow(Action::ReadMembers, standing(reader, conversation, user, strangers)?)?;
            store::members(reader, conversation, after, size + 1)
        })
        .await?;
    let last = page::cut(&mut items, size);
    let next_cursor = last.map(|member| room.pages.seal(user, &query, &member.user_id)).unwrap_or_default();
    Ok(ListMembersReply { items, next_cursor })
}
