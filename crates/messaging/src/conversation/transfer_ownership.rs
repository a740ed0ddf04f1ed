//! Handing a group to another member. The owner of before stays, as an admin.

use anser_contract::{
    Context,
    v1::{Conversation, OwnerChanged, Role, TransferOwnershipRequest, content::Kind},
};
use anser_types::{Action, Error, Result};

use super::{allow, conversation_id, describe::describe, once::once, store, user_id};
use crate::{Messaging, membership::standing, notice::Notices};

/// Makes another member the owner. To oneself it changes nothing.
pub async fn transfer_ownership(
    room: &Messaging,
    ctx: &Context,
    request: TransferOwnershipRequest,
) -> Result<Conversation> {
    let owner = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let heir = user_id("user_id", &request.user_id)?;
    let asked = [conversation.as_bytes(), heir.as_bytes()];
    let once = once(room, owner, "transfer_ownership", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::TransferOwnership, standing(tx, conversation, owner, strangers)?)?;
                store::member(tx, conversation, heir)?.ok_or_else(|| Error::not_found("member"))?;
                if heir != owner {
                    let changed = vec![Kind::OwnerChanged(OwnerChanged { user_id: heir.to_vec() })];
                    notices.append(tx, conversation, owner, changed)?;
                    store::set_role(tx, conversation, owner, Role::Admin)?;
                    store::set_role(tx, conversation, heir, Role::Owner)?;
                    store::set_muted(tx, conversation, heir, 0)?;
                }
                Ok(Vec::new())
            })?;
            describe(&notices.log.at(tx)?, conversation, owner, strangers, notices.now)
        })
        .await
}
