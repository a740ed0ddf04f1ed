//! An extent: entries of one conversation that stand at consecutive positions of the journal.

use anser_engine::Row;
use anser_types::{Error, Result, Timestamp};

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
        let extent = Self {
            first_seq: row.int(0)?,
            first_position: row.int(1)?,
            entries: row.int(2)?,
            countable: row.int(3)?,
            last_at: row.int(4)?,
        };
        if extent.can_be() { Ok(extent) } else { Err(Error::internal("an extent of the log names what cannot be")) }
    }

    /// Whether its numbers are such as a log has: what a damaged row says is not counted on with.
    fn can_be(&self) -> bool {
        let ends = |first: i64| first >= 1 && first.checked_add(self.entries).is_some();
        self.entries >= 1 && self.countable >= 0 && ends(self.first_seq) && ends(self.first_position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_log_has_are_seen() {
        let sound = Extent { first_seq: 3, first_position: 9, entries: 2, countable: 4, last_at: 1 };
        assert!(sound.can_be());
        for damaged in [
            Extent { first_seq: 0, ..sound },
            Extent { first_seq: i64::MAX, ..sound },
            Extent { first_position: -9, ..sound },
            Extent { entries: 0, ..sound },
            Extent { entries: i64::MAX, ..sound },
            Extent { countable: -1, ..sound },
        ] {
            assert!(!damaged.can_be(), "{damaged:?}");
        }
    }
}
