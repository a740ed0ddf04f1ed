//! Keeping a plain member, or all of them, from sending for a while. Owner and admins always may.

use anser_contract::{
    Context,
    v1::{AllMuted, MemberMuted, MuteReply, MuteRequest, Role, content::Kind},
};
use anser_engine::Tx;
use anser_types::{Action, Code, ConversationId, Error, Result, Timestamp, UserId};
use prost::Message as _;

use super::{allow, conversation_id, once::once, store, user_id};
use crate::{Messaging, membership::standing, notice::Notices};

/// Longer than this is until further notice.
const LONGEST_MS: i64 = 366 * 24 * 3_600_000;
/// "Until further notice" as a time: the end of the year 9999.
pub const FOR_EVER: Timestamp = 253_402_300_799_000;

/// Mutes for `for_ms` from now; 0 lets them send again. What is so already leaves no entry.
pub async fn mute(room: &Messaging, ctx: &Context, request: MuteRequest) -> Result<MuteReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let target = match &request.user_id[..] {
        [] => None,
        id => Some(user_id("user_id", id)?),
    };
    let asked = [conversation.as_bytes(), &request.user_id, &request.for_ms.to_be_bytes()];
    let once = once(room, user, "mute", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    let until_at = until("for_ms", request.for_ms, notices.now)?;
    let answer = room
        .db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::Mute, standing(tx, conversation, user, strangers)?)?;
                match target {
                    Some(target) => mute_one(tx, conversation, user, target, until_at, &notices)?,
                    None => mute_all(tx, conversation, user, until_at, &notices)?,
                }
                Ok(MuteReply { until_at }.encode_to_vec())
            })
        })
        .await?;
    MuteReply::decode(&answer[..]).map_err(|_| Error::internal("a stored answer cannot be read"))
}

/// The time that lies `for_ms`, the request's `field`, after `now`; 0 stays 0.
pub fn until(field: &str, for_ms: i64, now: Timestamp) -> Result<Timestamp> {
    match for_ms {
        ..0 => Err(Error::field(field, "must not be negative")),
        0 => Ok(0),
        1..=LONGEST_MS => Ok(now + for_ms),
        _ => Ok(FOR_EVER),
    }
}

fn mute_one(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    actor: UserId,
    target: UserId,
    until_at: Timestamp,
    notices: &Notices,
) -> Result<()> {
    let member = store::member(tx, conversation, target)?.ok_or_else(|| Error::not_found("member"))?;
    if member.role() != Role::Member {
        return Err(Error::new(Code::Forbidden, "owner and admins cannot be muted"));
    }
    if member.muted_until_at != until_at {
        let muted = MemberMuted { user_id: target.to_vec(), until_at };
        notices.append(tx, conversation, actor, vec![Kind::MemberMuted(muted)])?;
        store::set_muted(tx, conversation, target, until_at)?;
    }
    Ok(())
}

fn mute_all(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    actor: UserId,
    until_at: Timestamp,
    notices: &Notices,
) -> Result<()> {
    let group = store::conversation(tx, conversation)?.ok_or_else(|| Error::not_found("conversation"))?;
    if group.muted_until != until_at {
        notices.append(tx, conversation, actor, vec![Kind::AllMuted(AllMuted { until_at })])?;
        store::set_all_muted(tx, conversation, until_at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_is_a_while_and_longer_than_a_year_is_for_ever() {
        assert_eq!(until("for_ms", 0, 1_000), Ok(0));
        assert_eq!(until("for_ms", 60_000, 1_000), Ok(61_000));
        assert_eq!(until("for_ms", i64::MAX, 1_000), Ok(FOR_EVER));
        assert!(until("for_ms", -1, 1_000).is_err());
    }
}
