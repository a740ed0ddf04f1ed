//! Consent: people who want to come into a group, or whom a plain member wants in, wait for its owner and admins.

use anser_contract::v1::{JoinRequest, JoinRequestChanged, JoinRequestState, content::Kind, service_event::Event};
use anser_engine::Tx;
use anser_types::{Code, ConversationId, Error, Result, UserId};

use super::{
    guests::{Guests, full},
    store::{self, ConversationRow, joining},
};
use crate::{log::Snapshot, membership, notice::Notices};

/// How many may wait to come into one group.
const WAITING_FOR_A_GROUP: i64 = 1_000;
/// In how many groups one person may wait.
const WAITING_OF_A_PERSON: i64 = 100;
/// How many admins are told of each.
const ADMINS_TOLD: i64 = 200;

/// Whether `user` may come by a link only with consent: as the rules say, and whoever was removed in any case, or else
/// the next moment would undo it.
pub fn is_needed(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    user: UserId,
    group: &ConversationRow,
) -> Result<bool> {
    if group.rules.approval {
        return Ok(true);
    }
    let last = membership::stays(log, conversation, user)?.pop();
    let Some(left_seq) = last.and_then(|stay| stay.to_seq) else { return Ok(false) };
    let farewell = log.entry_at(conversation, left_seq)?.and_then(|stored| stored.entry.content?.kind);
    Ok(matches!(farewell, Some(Kind::Removed(_))))
}

/// Lets the admins know whom `host`, a plain member, wants in.
pub fn propose(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    host: UserId,
    guests: &Guests,
    notices: &Notices,
) -> Result<()> {
    for guest in guests.joining.iter().chain(&guests.asked) {
        wait(tx, conversation, *guest, Some(host), "", notices)?;
    }
    Ok(())
}

/// `user` waits for consent from now on. Who waits already goes on waiting, with the words of the first time.
pub fn wait(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    host: Option<UserId>,
    message: &str,
    notices: &Notices,
) -> Result<()> {
    let request = JoinRequest {
        conversation_id: conversation.to_vec(),
        user_id: user.to_vec(),
        message: message.to_owned(),
        invited_by: host.map(|host| host.to_vec()).unwrap_or_default(),
        created_at: notices.now,
    };
    if !joining::insert_request(tx, &request)? {
        return Ok(());
    }
    if joining::count_requests(tx, conversation)? > WAITING_FOR_A_GROUP {
        return Err(Error::new(Code::LimitExceeded, "too many people wait to come into this group"));
    }
    if joining::count_requests_by(tx, user)? > WAITING_OF_A_PERSON {
        return Err(full(user, format!("a person waits for {WAITING_OF_A_PERSON} groups at most")));
    }
    tell(tx, conversation, request, JoinRequestState::Waiting, notices)
}

/// The answer was given: admins and whoever waited are told.
pub fn answered(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    request: JoinRequest,
    accepted: bool,
    notices: &Notices,
) -> Result<()> {
    let state = if accepted { JoinRequestState::Accepted } else { JoinRequestState::Rejected };
    tell(tx, conversation, request, state, notices)
}

fn tell(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    request: JoinRequest,
    state: JoinRequestState,
    notices: &Notices,
) -> Result<()> {
    let admins = store::admins(tx, conversation, ADMINS_TOLD)?;
    let mut user_ids: Vec<Vec<u8>> = admins.iter().map(|user| user.to_vec()).collect();
    if state != JoinRequestState::Waiting && request.invited_by.is_empty() {
        user_ids.push(request.user_id.clone());
    }
    let changed = JoinRequestChanged { user_ids, request: Some(request), state: state as i32 };
    tx.emit(notices.now, Event::JoinRequestChanged(changed))
}
