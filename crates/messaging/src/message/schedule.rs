//! Messages for later: kept with their sender until their time, and seen by nobody else. [`super::send_scheduled`] sends
//! them; here they are asked for, looked at, given another time and taken back.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        CancelScheduledReply, CancelScheduledRequest, Content, ListScheduledReply, ListScheduledRequest,
        RescheduleRequest, ScheduleRequest, ScheduledChanged, ScheduledMessage, ScheduledMoved, ScheduledState,
        service_event::Event,
    },
};
use anser_engine::Tx;
use anser_types::{
    Action, Code, ConversationId, Error, FileId, MessageId, Result, Standing, Timestamp, UserId, authorise,
};

use super::{hold, prepare, store, store::ScheduledKey};
use crate::{
    Messaging,
    alarm::Alarm,
    conversation::page,
    log::{self, Log},
    membership,
};

const QUERY: &str = "scheduled messages";
/// How long one finds what failed.
pub const FAILED_FOR_MS: i64 = 7 * 24 * 3_600_000;

/// Keeps a message until its time. Its key is the key of the send: who repeats the call, before or after that time, gets
/// what became of it.
pub async fn schedule(room: &Messaging, ctx: &Context, request: ScheduleRequest) -> Result<ScheduledMessage> {
    let user = ctx.user()?;
    let mut send = request.send.unwrap_or_default();
    let content = send.content.clone();
    let (conversation, cmid, body) = prepare::check(&mut send, &room.sayable())?;
    room.words.apply(&mut send.content.clone().unwrap_or_default())?;
    room.db.growth_allowed()?;
    // Whoever repeats the call is told what became of it, whatever became of the file.
    let claimed = room.claims.claim(user, send.content.as_ref().unwrap_or(&Content::default())).await;
    let sent_hash = prepare::payload_hash(&body);
    let wanted = Wanted {
        key: (user, cmid, conversation),
        asked: prepare::payload_hash(&[&body[..], &request.send_at.to_be_bytes()].concat()),
        sent_hash,
        now: room.clock.now(),
        strangers: room.options.strangers,
        most: room.options.scheduled,
        most_ms: room.options.schedule_most_ms,
        log: room.log.clone(),
        holding: room.holding.clone(),
    };
    let message = ScheduledMessage {
        conversation_id: send.conversation_id,
        client_msg_id: send.client_msg_id,
        content,
        send_at: request.send_at,
        expires_in_ms: send.expires_in_ms,
        state: ScheduledState::Waiting as i32,
        created_at: wanted.now,
        ..ScheduledMessage::default()
    };
    let alarm = room.schedule.clone();
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            if let Some(known) = wanted.known(tx, &message)? {
                return Ok(known);
            }
            claimed.clone()?;
            wanted.ensure_allowed(tx, &message)?;
            store::insert_scheduled(tx, wanted.key, &wanted.asked, &message)?;
            let file = message.content.as_ref().and_then(Content::file_id).map(FileId::try_from).transpose()?;
            hold::moved(tx, file.as_slice(), wanted.now, &wanted.holding)?;
            tell(tx, wanted.now, wanted.key, ScheduledState::Waiting, "")?;
            let (alarm, send_at) = (alarm.clone(), message.send_at);
            tx.after_commit(move || alarm.ring_by(send_at));
            Ok(message.clone())
        })
        .await
}

/// What is to be scheduled, and under which limits.
struct Wanted {
    key: ScheduledKey,
    /// What this call stands for.
    asked: [u8; 16],
    /// What the send will stand for.
    sent_hash: [u8; 16],
    now: Timestamp,
    strangers: bool,
    most: i64,
    most_ms: i64,
    log: Log,
    holding: Arc<Alarm>,
}

impl Wanted {
    /// What became of it, where it was asked for before.
    fn known(&self, tx: &Tx<'_>, message: &ScheduledMessage) -> Result<Option<ScheduledMessage>> {
        let (user, cmid, conversation) = self.key;
        let same = |same: bool| match same {
            true => Ok(()),
            false => Err(Error::new(Code::IdempotencyConflict, "this client_msg_id was used for another message")),
        };
        if let Some(known) = store::scheduled(tx, self.key)? {
            same(known.asked == self.asked)?;
            return Ok(Some(known.message));
        }
        let Some((position, hash)) = log::find_key(tx, conversation, user, cmid)? else { return Ok(None) };
        same(hash == self.sent_hash)?;
        let (seq, _) = store::seq_and_time(tx, position)?.ok_or_else(|| Error::internal("a key without its entry"))?;
        let state = ScheduledState::Sent as i32;
        Ok(Some(ScheduledMessage { state, seq, content: None, created_at: 0, ..message.clone() }))
    }

    /// Whether the message could be sent now, and may wait.
    fn ensure_allowed(&self, tx: &mut Tx<'_>, message: &ScheduledMessage) -> Result<()> {
        let (user, _, conversation) = self.key;
        let (standing, _) = membership::standing_to_send(tx, conversation, user, self.strangers, self.now)?;
        authorise(Action::Send, standing).map_err(membership::hide)?;
        let content = message.content.clone().unwrap_or_default();
        if content.mentions.as_ref().is_some_and(|mentions| mentions.all) {
            authorise(Action::MentionAll, standing)?;
        }
        let head = self.log.at(tx)?.head(conversation)?;
        if content.reply_to.is_some_and(|reply| reply.seq > head.seq) {
            return Err(Error::field("content.reply_to.seq", "there is no such message"));
        }
        ensure_later(message.send_at, self.now, self.most_ms)?;
        let files = store::delete_failed_by(tx, user, self.now - FAILED_FOR_MS)?;
        hold::moved(tx, &files, self.now + hold::GRACE_MS, &self.holding)?;
        if store::count_scheduled(tx, user)? >= self.most {
            return Err(Error::new(Code::LimitExceeded, format!("{} scheduled messages at most", self.most)));
        }
        Ok(())
    }
}

fn ensure_later(send_at: Timestamp, now: Timestamp, most_ms: i64) -> Result<()> {
    if send_at <= now || send_at - now > most_ms {
        return Err(Error::field("send_at", format!("later than now, by {most_ms} milliseconds at most")));
    }
    Ok(())
}

/// Gives a message that waits another time.
pub async fn reschedule(room: &Messaging, ctx: &Context, request: RescheduleRequest) -> Result<ScheduledMessage> {
    let key = key(ctx.user()?, &request.conversation_id, &request.client_msg_id)?;
    let (now, most_ms, alarm) = (room.clock.now(), room.options.schedule_most_ms, room.schedule.clone());
    let send_at = request.send_at;
    ensure_later(send_at, now, most_ms)?;
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let found = find(tx, key)?;
            if found.sending || found.message.state() != ScheduledState::Waiting {
                return Err(Error::new(Code::Gone, "it does not wait any more"));
            }
            store::set_send_at(tx, key, send_at)?;
            tell(tx, now, key, ScheduledState::Waiting, "")?;
            let alarm = alarm.clone();
            tx.after_commit(move || alarm.ring_by(send_at));
            Ok(ScheduledMessage { send_at, ..found.message })
        })
        .await
}

/// Takes a message back that was not sent yet, or out of the list when it failed.
pub async fn cancel(room: &Messaging, ctx: &Context, request: CancelScheduledRequest) -> Result<CancelScheduledReply> {
    let key = key(ctx.user()?, &request.conversation_id, &request.client_msg_id)?;
    let (now, db, holding) = (room.clock.now(), room.db.clone(), room.holding.clone());
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            if find(tx, key)?.sending {
                return Err(Error::new(Code::Gone, "it is being sent"));
            }
            let files = store::delete_scheduled(tx, key)?;
            hold::moved(tx, &files, now + hold::GRACE_MS, &holding)?;
            tell(tx, now, key, ScheduledState::Cancelled, "")?;
            // The words still stand in the write-ahead log.
            let db = db.clone();
            tx.after_commit(move || db.schedule_truncate());
            Ok(CancelScheduledReply {})
        })
        .await
}

/// A page of the caller's own, in the order of their keys.
pub async fn list(room: &Messaging, ctx: &Context, request: ListScheduledRequest) -> Result<ListScheduledReply> {
    let user = ctx.user()?;
    let size = page::size(request.limit);
    let after = match request.cursor.as_str() {
        "" => (MessageId([0; 16]), ConversationId([0; 16])),
        cursor => {
            let place = room.pages.open(user, QUERY, cursor)?;
            let foreign = || Error::field("cursor", "not of this list");
            let (cmid, conversation) = place.split_at_checked(16).ok_or_else(foreign)?;
            (MessageId::try_from(cmid)?, ConversationId::try_from(conversation)?)
        }
    };
    let failed_after = room.clock.now() - FAILED_FOR_MS;
    let read =
        move |reader: &anser_engine::Reader<'_>| store::scheduled_by(reader, user, after, failed_after, size + 1);
    let mut found = room.db.read(read).await?;
    let next_cursor = page::cut(&mut found, size).map(|last| {
        let (_, cmid, conversation) = last.key;
        room.pages.seal(user, QUERY, &[cmid.as_bytes(), conversation.as_bytes()].concat())
    });
    let items = found.into_iter().map(|scheduled| scheduled.message).collect();
    Ok(ListScheduledReply { items, next_cursor: next_cursor.unwrap_or_default() })
}

fn key(user: UserId, conversation: &[u8], cmid: &[u8]) -> Result<ScheduledKey> {
    let conversation =
        ConversationId::try_from(conversation).map_err(|error| Error::field("conversation_id", error.detail))?;
    let cmid = MessageId::try_from(cmid).map_err(|error| Error::field("client_msg_id", error.detail))?;
    Ok((user, cmid, conversation))
}

/// The caller's own; another's is not found.
fn find(tx: &Tx<'_>, key: ScheduledKey) -> Result<store::Scheduled> {
    let found = store::scheduled(tx, key)?.ok_or_else(|| Error::not_found("scheduled message"))?;
    authorise(Action::ManageScheduled, Standing::Own)?;
    Ok(found)
}

/// Tells the sender's devices what became of it.
pub fn tell(
    tx: &mut Tx<'_>,
    now: Timestamp,
    (user, cmid, conversation): ScheduledKey,
    state: ScheduledState,
    code: &str,
) -> Result<()> {
    let moved = ScheduledMoved {
        conversation_id: conversation.to_vec(),
        client_msg_id: cmid.to_vec(),
        state: state as i32,
        code: code.to_owned(),
    };
    tx.emit(now, Event::ScheduledChanged(ScheduledChanged { user_id: user.to_vec(), moved: Some(moved) }))?;
    Ok(())
}
