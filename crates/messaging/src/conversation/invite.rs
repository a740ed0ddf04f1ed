//! Bringing people into a group: friends of the inviter come in at once, others are asked. Where the group's rules want an
//! admin's consent and a plain member invites, all of them wait for that first.

use anser_contract::{
    Context,
    v1::{InviteReply, InviteRequest, Inviters, Joined, content::Kind},
};
use anser_engine::Tx;
use anser_types::{Action, ConversationId, Error, Result, UserId};
use prost::Message as _;

use super::{
    allow, consent, conversation_id,
    guests::{self, Guests},
    once::once,
    store::{self, ConversationRow},
};
use crate::{Messaging, membership::standing, notice::Notices};

/// Invites people. Who comes in does so by one entry for the whole call.
pub async fn invite(room: &Messaging, ctx: &Context, request: InviteRequest) -> Result<InviteReply> {
    let host = ctx.user()?;
    room.db.growth_allowed()?;
    let options = room.options.clone();
    let conversation = conversation_id(&request.conversation_id)?;
    if request.user_ids.is_empty() {
        return Err(Error::field("user_ids", "name at least one person"));
    }
    let named = guests::named("user_ids", &request.user_ids, host, &options)?;
    let asked = [conversation.as_bytes(), &request.user_ids.concat()];
    let once = once(room, host, "invite", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    let answer = room
        .db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                let standing = standing(tx, conversation, host, options.strangers)?;
                allow(Action::Invite, standing)?;
                let group = store::conversation(tx, conversation)?.ok_or_else(|| Error::not_found("conversation"))?;
                if group.rules.inviters() == Inviters::Admins {
                    allow(Action::InviteAsAdmin, standing)?;
                }
                let guests = Guests::sort(tx, conversation, host, &named, &options)?;
                if group.rules.approval && allow(Action::AnswerJoinRequest, standing).is_err() {
                    consent::propose(tx, conversation, host, &guests, &notices)?;
                    let waiting = ids(&[guests.joining, guests.asked, guests.unheard].concat());
                    return Ok(InviteReply { waiting, already: ids(&guests.already), ..InviteReply::default() }
                        .encode_to_vec());
                }
                bring_in(tx, conversation, host, &group, &guests, &notices)?;
                Ok(reply(&guests).encode_to_vec())
            })
        })
        .await?;
    InviteReply::decode(&answer[..]).map_err(|_| Error::internal("a stored answer cannot be read"))
}

fn bring_in(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    host: UserId,
    group: &ConversationRow,
    guests: &Guests,
    notices: &Notices,
) -> Result<()> {
    if !guests.joining.is_empty() {
        let joined = Kind::Joined(Joined { user_ids: ids(&guests.joining) });
        let history = group.rules.history();
        let seq = notices.let_in(tx, conversation, host, vec![joined], guests.joining.clone(), history)?;
        guests.bring_in(tx, conversation, seq, history, notices.now)?;
        store::change_member_count(tx, conversation, guests.joining.len() as i64)?;
    }
    guests.ask(tx, conversation, host, &group.title, notices)
}

fn reply(guests: &Guests) -> InviteReply {
    let invited = [&guests.asked[..], &guests.unheard].concat();
    InviteReply {
        joined: ids(&guests.joining),
        invited: ids(&invited),
        already: ids(&guests.already),
        waiting: Vec::new(),
    }
}

fn ids(users: &[UserId]) -> Vec<Vec<u8>> {
    users.iter().map(|user| user.to_vec()).collect()
}
