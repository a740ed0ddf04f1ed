//! Closing a group for good. Its history stays with those who were in it; nobody writes there any more.

use anser_contract::{
    Context,
    v1::{Conversation, DismissGroupRequest, Dismissed, content::Kind},
};
use anser_types::{Action, Result};

use super::{allow, conversation_id, describe::describe, once::once, store};
use crate::{Messaging, membership::standing, notice::Notices};

/// Closes the group. The entry that says so is its last but for those of leaving.
pub async fn dismiss_group(room: &Messaging, ctx: &Context, request: DismissGroupRequest) -> Result<Conversation> {
    let owner = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let once = once(room, owner, "dismiss_group", &request.idempotency_key, &[conversation.as_bytes()])?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::DismissGroup, standing(tx, conversation, owner, strangers)?)?;
                notices.append(tx, conversation, owner, vec![Kind::Dismissed(Dismissed {})])?;
                store::set_dismissed(tx, conversation, notices.now)?;
                Ok(Vec::new())
            })?;
            describe(&notices.log.at(tx)?, conversation, owner, strangers, notices.now)
        })
        .await
}
