//! The log: append-only entries of each conversation, in one journal over all of them.
//!
//! Nothing that was appended goes; only an entry's words may give way to others ([`rewrite`]), and an entry says so. Words
//! whose time is over are not read, whether they stand on their row still or not.
//!
//! Position is the journal's order, seq a conversation's. What one commit appends to one conversation stands at
//! consecutive positions and is named by one *extent*; the last extent is the conversation's head. The journal and the
//! keys are written with each commit; the extents of the newest entries are held in memory and follow into their table
//! in runs. [`Snapshot`] reads both as one. This is the one place whose layout depends on the engine.

mod append;
mod change;
mod extent;
mod index;
mod read;
mod recent;
#[cfg(test)]
mod tests;

pub use append::NewEntry;
pub use change::rewrite;
pub use extent::Extent;
pub use index::Log;
pub use read::{Snapshot, Stored, find_key, last_position};

use anser_types::{ConversationId, MessageId, Timestamp, UserId, plant::planted};

/// Where a conversation's log ends. All zero: it has no entry yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The newest seq.
    pub seq: i64,
    /// The newest entry's position.
    pub position: i64,
    /// How many countable entries there are.
    pub countable: i64,
    /// The newest entry's server_ts.
    pub at: Timestamp,
}

/// The seq under which an entry is told to the world: its own. Under a planted fault every 10th changes places with the
/// next one, for all readers alike.
pub fn told(seq: i64) -> i64 {
    match seq % 10 {
        0 if planted("order_swapped") => seq + 1,
        1 if seq > 1 && planted("order_swapped") => seq - 1,
        _ => seq,
    }
}

/// The row checksum: CRC-32 over all that must not change by itself.
pub fn checksum(
    conversation: ConversationId,
    seq: i64,
    sender: UserId,
    cmid: MessageId,
    at: Timestamp,
    version: i64,
    body: &[u8],
) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&conversation.0);
    hasher.update(&seq.to_be_bytes());
    hasher.update(&sender.0);
    hasher.update(&cmid.0);
    hasher.update(&at.to_be_bytes());
    hasher.update(&version.to_be_bytes());
    hasher.update(body);
    i64::from(hasher.finalize())
}
