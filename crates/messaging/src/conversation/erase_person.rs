//! Somebody whose account is closed goes out of everything; what they said stays.
//!
//! A group that they own passes to its oldest admin, else to its oldest member: closing an account must not wait for
//! anybody, and a group without an owner could never be looked after again. Direct conversations stay as they are and take
//! no more messages. Each conversation is a transaction of its own; what is done is not done again, so a crash in the
//! middle needs no more than another call.

use anser_contract::{
    Context,
    v1::{ConversationKind, ErasePersonReply, ErasePersonRequest, Left, OwnerChanged, Role, content::Kind},
};
use anser_engine::Tx;
use anser_types::{ConversationId, Result, UserId};

use super::{store, user_id};
use crate::{
    Messaging,
    membership::{self, Stay},
    message,
    notice::Notices,
};

/// Groups that one call goes out of.
const GROUPS_A_CALL: usize = 20;
/// Direct conversations that one transaction closes.
const PAIRS_A_STEP: usize = 200;

/// Does a part of it; answers whether there is more.
pub async fn erase_person(room: &Messaging, ctx: &Context, request: ErasePersonRequest) -> Result<ErasePersonReply> {
    ctx.require_service()?;
    let user = user_id("user_id", &request.user_id)?;
    let (release_at, holding) = (room.clock.now() + message::hold::GRACE_MS, room.holding.clone());
    let forget = move |tx: &mut Tx<'_>| {
        let files = message::store::delete_scheduled_by(tx, user)?;
        message::hold::moved(tx, &files, release_at, &holding)?;
        message::store::forget_devices(tx, user)
    };
    room.db.write(forget).await?;
    let (groups, open) = room
        .db
        .read(move |reader| {
            let (mut groups, mut open) = (Vec::new(), Vec::new());
            let is_open =
                |(_, stays): &(ConversationId, Vec<Stay>)| stays.last().is_some_and(|stay| stay.to_seq.is_none());
            for (conversation, _) in membership::conversations_of(reader, user)?.into_iter().filter(is_open) {
                let kind = store::conversation(reader, conversation)?.map(|row| row.kind);
                if kind == Some(ConversationKind::Group) {
                    groups.push(conversation);
                } else if store::takes_messages(reader, conversation)? {
                    open.push(conversation);
                }
            }
            Ok((groups, open))
        })
        .await?;
    for &group in groups.iter().take(GROUPS_A_CALL) {
        let notices = Notices::new(room);
        room.db.write(move |tx| go_out(tx, group, user, &notices)).await?;
    }
    for pairs in open.chunks(PAIRS_A_STEP) {
        let (pairs, notices) = (pairs.to_vec(), Notices::new(room));
        let close = move |tx: &mut Tx<'_>| {
            for &conversation in &pairs {
                store::take_no_messages(tx, conversation)?;
                notices.forget(conversation);
            }
            Ok(())
        };
        room.db.write(close).await?;
    }
    let forget = move |tx: &mut Tx<'_>| {
        store::delete_invitations(tx, user)?;
        store::joining::delete_requests_by(tx, user)?;
        store::settings::delete_settings(tx, user)
    };
    room.db.write(forget).await?;
    Ok(ErasePersonReply { more: groups.len() > GROUPS_A_CALL })
}

fn go_out(tx: &mut Tx<'_>, group: ConversationId, user: UserId, notices: &Notices) -> Result<()> {
    let Some(member) = store::member(tx, group, user)? else { return Ok(()) };
    let heir = if member.role() == Role::Owner { store::heir(tx, group, user)? } else { None };
    let mut what = Vec::with_capacity(2);
    if let Some(heir) = heir {
        what.push(Kind::OwnerChanged(OwnerChanged { user_id: heir.to_vec() }));
        store::set_role(tx, group, heir, Role::Owner)?;
    }
    what.push(Kind::Left(Left { user_id: user.to_vec() }));
    let seq = notices.let_go(tx, group, user, what, user)?;
    store::end_stay(tx, group, user, seq)?;
    store::change_member_count(tx, group, -1)?;
    store::change_groups_joined(tx, user, -1)
}
