//! Sending what was scheduled, when its time comes: through the same lane as any send, under the key that its sender gave
//! it. A crash between the send and the end of its row sends it again, and the key makes that a repeat: it is never
//! doubled. What is refused for good stays with its sender as failed; what a retry may help is tried again.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anser_contract::v1::{ScheduledState, SendAck, SendMessage};
use anser_engine::Tx;
use anser_types::{Clock, Error, Result, Timestamp};
use tokio::{sync::oneshot, time::Instant};

use super::{
    hold,
    prepare::prepare,
    schedule::tell,
    send::ReplyTo,
    store::{self, Scheduled},
};
use crate::{Messaging, alarm::Alarm};

/// How many are sent at a time.
const A_STEP: usize = 64;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure that may pass it is tried again after so long.
const AGAIN_MS: i64 = 1_000;

/// Sends messages as their times come, until the room is dropped.
pub fn start(room: &Arc<Messaging>) {
    tokio::spawn(run(Arc::downgrade(room), room.schedule.clone(), room.clock.clone()));
}

async fn run(room: Weak<Messaging>, alarm: Arc<Alarm>, clock: Clock) {
    loop {
        alarm.wait(&clock).await;
        let Some(room) = room.upgrade() else { return };
        if let Err(error) = send_due(&room).await {
            tracing::warn!(%error, "scheduled messages could not be sent yet");
            alarm.ring_by(clock.now() + AGAIN_MS);
        }
    }
}

/// Sends what is due, and sets the alarm to the next. Answers how many left the list.
pub async fn send_due(room: &Messaging) -> Result<usize> {
    let mut done = 0;
    loop {
        let now = room.clock.now();
        let waits = room.db.read(store::next_scheduled).await?;
        match waits {
            Some(next) if next <= now => {}
            Some(next) => {
                room.schedule.ring_by(next);
                return Ok(done);
            }
            None => return Ok(done),
        }
        room.db.growth_allowed()?;
        let due = room.db.write(move |tx| store::take_due(tx, now, A_STEP)).await?;
        let outcomes = send(room, due).await;
        let later = outcomes.iter().any(|(_, outcome)| matches!(outcome, Err(error) if error.code.retryable()));
        done += outcomes.len();
        let holding = room.holding.clone();
        room.db.write(move |tx| settle(tx, &outcomes, now, &holding)).await?;
        if later {
            return Err(Error::unavailable("some have to wait"));
        }
    }
}

/// Hands the messages to the send lane, in order; answers what became of each.
async fn send(room: &Messaging, due: Vec<Scheduled>) -> Vec<(Scheduled, Result<SendAck>)> {
    let (sayable, deadline) = (room.sayable(), Instant::now() + PATIENCE);
    let (mut ready, mut answers) = (Vec::new(), Vec::new());
    for scheduled in &due {
        let (user, cmid, conversation) = scheduled.key;
        let message = SendMessage {
            conversation_id: conversation.to_vec(),
            client_msg_id: cmid.to_vec(),
            content: scheduled.message.content.clone(),
            expires_in_ms: scheduled.message.expires_in_ms,
        };
        let (reply, answer) = oneshot::channel();
        answers.push(answer);
        match prepare(user, message, &sayable, deadline, ReplyTo::Call(reply)) {
            Ok(send) => ready.push(send),
            Err((reply, error)) => refuse(reply, error),
        }
    }
    for send in room.claims.push(ready) {
        refuse(send.reply_to, Error::unavailable("too many sends are waiting"));
    }
    let mut outcomes = Vec::with_capacity(due.len());
    for (scheduled, answer) in due.into_iter().zip(answers) {
        let outcome = match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(outcome)) => outcome,
            _ => Err(Error::unavailable("the store did not answer")),
        };
        outcomes.push((scheduled, outcome));
    }
    outcomes
}

fn refuse(reply: ReplyTo, error: Error) {
    if let ReplyTo::Call(reply) = reply {
        let _gone = reply.send(Err(error));
    }
}

/// What was sent is no longer scheduled; what was refused for good is its sender's to look at.
fn settle(
    tx: &mut Tx<'_>,
    outcomes: &[(Scheduled, Result<SendAck>)],
    now: Timestamp,
    holding: &Arc<Alarm>,
) -> Result<()> {
    for (scheduled, outcome) in outcomes {
        match outcome {
            Ok(_) => {
                let files = store::delete_scheduled(tx, scheduled.key)?;
                hold::moved(tx, &files, now + hold::GRACE_MS, holding)?;
                tell(tx, now, scheduled.key, ScheduledState::Sent, "")?;
            }
            Err(error) if error.code.retryable() => {}
            Err(error) => {
                let code = error.code.as_str();
                store::fail_scheduled(tx, scheduled.key, code, now)?;
                tell(tx, now, scheduled.key, ScheduledState::Failed, code)?;
            }
        }
    }
    Ok(())
}
