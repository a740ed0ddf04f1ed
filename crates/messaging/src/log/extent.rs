//! An extent: entries of one conversation that stand at consecutive positions of the journal.

use anser_engine::Row;
use anser_types::{Result, Timestamp};

/// Consecutive entries of a conversation at consecutive positions, mostly those that one commit wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first entry's seq.
    pub first_seq: i64,
    /// The first entry's position.
    pub first_position: i64,
    /// How many entries.
    pub entries: i64,
    /// Countable entries up to and with the last.
    pub countable: i64,
    /// server_ts of the last.
    pub last_at: Timestamp,
}

impl Extent {
    /// The last entry's seq.
    pub fn last_seq(&self) -> i64 {
        self.first_seq + self.entries - 1
    }

    /// The last entry's position.
    pub fn last_position(&self) -> i64 {
        self.first_position + self.entries - 1
    }

    /// Where the entry with `seq`, which must be one of these, stands.
    pub fn position_of(&self, seq: i64) -> i64 {
        self.first_position + (seq - self.first_seq)
    }

    /// Takes in the extent that follows right after this one, in seqs and in positions.
    pub fn extend(&mut self, next: &Extent) {
        self.entries += next.entries;
        self.countable = next.countable;
        self.last_at = next.last_at;
    }

    /// From first_seq, first_position, entries, countable, last_at.
    pub fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            first_seq: row.int(0)?,
            first_position: row.int(1)?,
            entries: row.int(2)?,
            countable: row.int(3)?,
            last_at: row.int(4)?,
        })
    }
}
