//! Removing somebody from a group. The entry that tells of it is the last they see.

use anser_contract::{
    Context,
    v1::{RemoveMemberReply, RemoveMemberRequest, Removed, Role, content::Kind},
};
use anser_types::{Action, Code, Error, Result};

use super::{allow, conversation_id, leave::go_out, once::once, store, user_id};
use crate::{Messaging, membership::standing, notice::Notices};

/// Removes a member: admins remove members, the owner removes admins too, nobody removes the owner.
pub async fn remove_member(room: &Messaging, ctx: &Context, request: RemoveMemberRequest) -> Result<RemoveMemberReply> {
    let remover = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let target = user_id("user_id", &request.user_id)?;
    let asked = [conversation.as_bytes(), target.as_bytes()];
    let once = once(room, remover, "remove_member", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                let standing = standing(tx, conversation, remover, strangers)?;
                // First the least that is needed, so that nobody else learns who is a member.
                allow(Action::RemoveMember, standing)?;
                let member = store::member(tx, conversation, target)?.ok_or_else(|| Error::not_found("member"))?;
                match member.role() {
                    Role::Owner => return Err(Error::new(Code::Forbidden, "the owner cannot be removed")),
                    Role::Admin => allow(Action::RemoveAdmin, standing)?,
                    _ => {}
                }
                let removed = Kind::Removed(Removed { user_id: target.to_vec() });
                go_out(tx, conversation, target, remover, removed, &notices)?;
                Ok(Vec::new())
            })
        })
        .await?;
    Ok(RemoveMemberReply {})
}
