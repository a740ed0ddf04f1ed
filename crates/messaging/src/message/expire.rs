//! Expiry: the words of a message go at the time that its sender gave them.
//!
//! Nobody is given them after that time, since whoever reads the log looks at the clock. Here they are taken off their
//! row, with all that hung on them, as a recall does it; nothing is told, because the entry itself said when. The time
//! stands in a row of its own, which goes in the transaction that takes the words, so a crash forgets nothing.

use std::sync::{Arc, Weak};

use anser_contract::v1::{Expired, content::Kind};
use anser_engine::{Db, Tx};
use anser_types::{Clock, ConversationId, FileId, Result, Timestamp};

use super::{hold, store, target::is_withdrawn};
use crate::{
    Messaging,
    alarm::Alarm,
    log::{self, Log},
};

/// How many messages one transaction takes: a few milliseconds.
const A_STEP: usize = 32;
/// How many are looked up at once.
const A_LOOK: usize = 1_000;
/// After an error it is tried again after so long.
const AGAIN_MS: i64 = 1_000;

/// A message whose time is over: when it was, where, which.
type Due = (Timestamp, ConversationId, i64);

/// Takes the words of messages as their times come, until the room is dropped.
pub fn start(room: &Arc<Messaging>) {
    tokio::spawn(run(Arc::downgrade(room), room.expiry.clone(), room.clock.clone()));
}

async fn run(room: Weak<Messaging>, alarm: Arc<Alarm>, clock: Clock) {
    loop {
        alarm.wait(&clock).await;
        let Some(room) = room.upgrade() else { return };
        if let Err(error) = expire(&room).await {
            tracing::warn!(%error, "words whose time is over could not be taken off yet");
            alarm.ring_by(clock.now() + AGAIN_MS);
        }
    }
}

/// Takes the words of all messages whose time is over, and sets the alarm to the next. Answers how many it took.
pub async fn expire(room: &Messaging) -> Result<usize> {
    let mut taken = 0;
    loop {
        let now = room.clock.now();
        let due = room.db.read(move |reader| store::expired_by(reader, now, A_LOOK)).await?;
        for step in due.chunks(A_STEP) {
            let (step, db, log, holding) = (step.to_vec(), room.db.clone(), room.log.clone(), room.holding.clone());
            let release_at = now + hold::GRACE_MS;
            let take_one = move |tx: &mut Tx<'_>, due: &Due| {
                let files = take(tx, *due, &db, &log)?;
                hold::moved(tx, &files, release_at, &holding)
            };
            room.db.write(move |tx| step.iter().try_for_each(|due| take_one(tx, due))).await?;
        }
        taken += due.len();
        if due.len() < A_LOOK {
            break;
        }
    }
    if let Some(next) = room.db.read(store::next_expiring).await? {
        room.expiry.ring_by(next);
    }
    Ok(taken)
}

/// Answers the files that the message held.
fn take(tx: &mut Tx<'_>, (due, conversation, seq): Due, db: &Db, log: &Log) -> Result<Vec<FileId>> {
    store::delete_expiring(tx, due, conversation, seq)?;
    let found = log.at(tx)?.words_at(conversation, seq)?;
    let Some(mut stored) = found.filter(|stored| !is_withdrawn(&stored.entry)) else {
        return Ok(Vec::new());
    };
    store::recall(tx, conversation, &stored.entry)?;
    let files = store::delete_objects(tx, conversation, seq)?;
    let edited_at = stored.entry.edited_at;
    log::rewrite(tx, conversation, &mut stored, Kind::Expired(Expired {}).into(), edited_at)?;
    // The words still stand in the write-ahead log.
    let db = db.clone();
    tx.after_commit(move || db.schedule_truncate());
    Ok(files)
}
