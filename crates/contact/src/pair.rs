//! Two people, in an order that does not depend on who asks.

use anser_types::{Timestamp, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) lo: UserId,
    pub(crate) hi: UserId,
}

impl Pair {
    pub(crate) fn of(one: UserId, other: UserId) -> Self {
        Self { lo: one.min(other), hi: one.max(other) }
    }

    /// Each of the two, with the other.
    pub(crate) fn sides(self) -> [(UserId, UserId); 2] {
        [(self.lo, self.hi), (self.hi, self.lo)]
    }
}

/// What two people decided about each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) pair: Pair,
    pub(crate) friends: bool,
    pub(crate) since_at: Timestamp,
    pub(crate) version: i64,
    /// Messaging knows of it.
    pub(crate) settled: bool,
    /// Empty until messaging named it.
    pub(crate) conversation_id: Vec<u8>,
}
