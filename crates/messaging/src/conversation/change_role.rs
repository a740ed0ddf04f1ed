//! Making a member an admin, or an admin a member. Who owns a group does not change here.

use anser_contract::{
    Context,
    v1::{ChangeRoleRequest, Member, Role, RoleChanged, content::Kind},
};
use anser_types::{Action, Code, Error, Result};
use prost::Message as _;

use super::{allow, conversation_id, once::once, store, user_id};
use crate::{Messaging, membership::standing, notice::Notices};

/// Changes a member's role. The role they have already changes nothing and leaves no entry.
pub async fn change_role(room: &Messaging, ctx: &Context, request: ChangeRoleRequest) -> Result<Member> {
    let owner = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let target = user_id("user_id", &request.user_id)?;
    let role = request.role();
    if !matches!(role, Role::Member | Role::Admin) {
        return Err(Error::field("role", "member or admin"));
    }
    let asked = [conversation.as_bytes(), target.as_bytes(), role.as_str_name().as_bytes()];
    let once = once(room, owner, "change_role", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    let answer = room
        .db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::ChangeRole, standing(tx, conversation, owner, strangers)?)?;
                let mut member = store::member(tx, conversation, target)?.ok_or_else(|| Error::not_found("member"))?;
                if member.role() == Role::Owner {
                    return Err(Error::new(Code::Forbidden, "the owner's role does not change"));
                }
                if member.role() != role {
                    let changed = RoleChanged { user_id: target.to_vec(), role: role as i32 };
                    let changed = vec![Kind::RoleChanged(changed)];
                    notices.append(tx, conversation, owner, changed)?;
                    store::set_role(tx, conversation, target, role)?;
                    member.set_role(role);
                }
                Ok(member.encode_to_vec())
            })
        })
        .await?;
    Member::decode(&answer[..]).map_err(|_| Error::internal("a stored answer cannot be read"))
}
