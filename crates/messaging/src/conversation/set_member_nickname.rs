//! A member's name in a group: everybody's own, and one that an admin gives a plain member.

use anser_contract::{
    Context,
    v1::{Member, MemberRenamed, Role, SetMemberNicknameRequest, content::Kind},
};
use anser_types::{Action, Code, Error, Result, Standing};

use super::{allow, conversation_id, once::once, store, user_id, words};
use crate::{Messaging, membership::standing, notice::Notices};

/// Names a member; empty takes the name back. What is so already leaves no entry.
pub async fn set_member_nickname(room: &Messaging, ctx: &Context, request: SetMemberNicknameRequest) -> Result<Member> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let target = user_id("user_id", &request.user_id)?;
    let nickname = request.nickname;
    words::nickname(&nickname, &room.options)?;
    room.words.check(&nickname)?;
    let asked = [conversation.as_bytes(), target.as_bytes(), nickname.as_bytes()];
    let once = once(room, user, "set_member_nickname", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                let standing = standing(tx, conversation, user, strangers)?;
                allow(if target == user { Action::NameOneself } else { Action::NameMember }, standing)?;
                let member = store::member(tx, conversation, target)?.ok_or_else(|| Error::not_found("member"))?;
                if target != user && member.role() != Role::Member && standing != Standing::Owner {
                    return Err(Error::new(Code::Forbidden, "admins name plain members only"));
                }
                if member.nickname != nickname {
                    let renamed = MemberRenamed { user_id: target.to_vec(), nickname: nickname.clone() };
                    notices.append(tx, conversation, user, vec![Kind::MemberRenamed(renamed)])?;
                    store::set_nickname(tx, conversation, target, &nickname)?;
                }
                Ok(Vec::new())
            })?;
            store::member(tx, conversation, target)?.ok_or_else(|| Error::not_found("member"))
        })
        .await
}
