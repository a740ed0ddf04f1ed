//! Bringing people into a group: friends of the inviter come in at once, others are asked.

use anser_contract::{
    Context,
    v1::{InviteReply, InviteRequest, Joined, content::Kind},
};
use anser_engine::Tx;
use anser_types::{Action, ConversationId, Error, Result, UserId};
use prost::Message as _;

use super::{
    allow, conversation_id,
    guests::{self, Guests},
    notice::Notices,
    once::once,
    store,
};
use crate::{Messaging, membership::standing};

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
                allow(Action::Invite, standing(tx, conversation, host, options.strangers)?)?;
                let guests = Guests::sort(tx, conversation, host, &named, &options)?;
                bring_in(tx, conversation, host, &guests, &notices)?;
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
    guests: &Guests,
    notices: &Notices,
) -> Result<()> {
    if !guests.joining.is_empty() {
        let joined = Kind::Joined(Joined { user_ids: ids(&guests.joining) });
        let seq = notices.append(tx, conversation, host, vec![joined], guests.joining.clone(), Vec::new())?;
        guests.bring_in(tx, conversation, seq, notices.now)?;
        store::change_member_count(tx, conversation, guests.joining.len() as i64)?;
    }
    let title = store::conversation(tx, conversation)?.map(|row| row.title).unwrap_or_default();
    guests.ask(tx, conversation, host, &title, notices)
}

fn reply(guests: &Guests) -> InviteReply {
    let invited = [&guests.asked[..], &guests.unheard].concat();
    InviteReply { joined: ids(&guests.joining), invited: ids(&invited), already: ids(&guests.already) }
}

fn ids(users: &[UserId]) -> Vec<Vec<u8>> {
    users.iter().map(|user| user.to_vec()).collect()
}
