//! The auditor: always on, in small bites, it walks through all conversations and checks that what stands in the
//! tables adds up. A mismatch is an error metric and a log line that names the row; it repairs nothing.
//!
//! Of each conversation it checks: extents are dense and name exactly their entries, seqs are 1…n, positions rise,
//! times do not fall, countable entries are counted right, row checksums hold, every message has its key; stays and
//! read cursors lie within the log, and the member count is right. One look is one snapshot of at most [`ROWS`] rows
//! of the log; the next look goes on from there.

pub mod members;
pub mod walk;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anser_types::{Code, ConversationId, Result, UserId};

use crate::{Messaging, log::Snapshot};
use walk::Walk;

/// Rows of the log, or members, that one look goes through at most, give or take the last extent's end.
const ROWS: usize = 1_000;
/// Conversations that one look visits at most.
const CONVERSATIONS: usize = 100;
/// Mismatches that one look reports one by one; what is wrong everywhere need not fill the log.
const REPORTED: usize = 16;

/// Starts the auditor of `room`. It ends with the room.
pub fn start(room: &Arc<Messaging>) {
    let interval = Duration::from_millis(room.options.audit_interval_ms);
    if !interval.is_zero() {
        tokio::spawn(run(Arc::downgrade(room), interval));
    }
}

async fn run(room: Weak<Messaging>, interval: Duration) {
    let mut walk = Walk::default();
    loop {
        tokio::time::sleep(interval).await;
        let Some(room) = room.upgrade() else { return };
        let from = walk.clone();
        match room.read(move |log| look(log, from)).await {
            Ok((next, found)) => {
                walk = next;
                report(&found);
            }
            // A store that cannot be read is told of by those who need it.
            Err(error) => tracing::debug!(%error, "the auditor could not look"),
        }
    }
}

/// One look from the beginning; answers how much does not add up.
#[cfg(feature = "fuzzing")]
pub fn look_once(log: &Snapshot<'_>) -> Result<usize> {
    look(log, Walk::default()).map(|(_, found)| found.len())
}

/// Goes on with `walk` for one bite; answers where the next one begins and what did not add up.
fn look(log: &Snapshot<'_>, mut walk: Walk) -> Result<(Walk, Vec<Mismatch>)> {
    let mut found = Vec::new();
    let mut rows_left = ROWS;
    for _ in 0..CONVERSATIONS {
        match walk.step(log, rows_left, &mut found) {
            Ok(taken) => rows_left = rows_left.saturating_sub(taken),
            Err(error) if error.code == Code::Internal => found.push(walk.pass_unreadable()),
            Err(error) => return Err(error),
        }
        if rows_left == 0 || walk.at_start() {
            break;
        }
    }
    metrics::counter!("anser_messaging_audit_rows_total").increment((ROWS - rows_left) as u64);
    Ok((walk, found))
}

fn report(found: &[Mismatch]) {
    if !found.is_empty() {
        metrics::counter!("anser_messaging_audit_mismatches_total").increment(found.len() as u64);
    }
    for mismatch in found.iter().take(REPORTED) {
        tracing::error!(
            conversation.id = %mismatch.conversation,
            user.id = mismatch.user.map(tracing::field::display),
            seq = mismatch.seq,
            "the log does not add up: {}",
            mismatch.what
        );
    }
}

/// Something that does not add up, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The conversation concerned; all zero: none.
    pub conversation: ConversationId,
    /// The entry concerned; 0: no single one.
    pub seq: i64,
    /// The person concerned, if one is.
    pub user: Option<UserId>,
    /// What it is.
    pub what: &'static str,
}

#[cfg(test)]
mod tests;
