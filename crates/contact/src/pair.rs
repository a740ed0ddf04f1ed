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
    /// Since when they are friends, or are no longer.
    pub(crate) since_at: Timestamp,
    /// Since when `pair.lo` blocks `pair.hi`; 0: does not.
    pub(crate) lo_blocked_at: Timestamp,
    /// The same the other way round.
    pub(crate) hi_blocked_at: Timestamp,
    pub(crate) version: i64,
    /// Messaging knows of it.
    pub(crate) settled: bool,
    /// Empty until messaging named it.
    pub(crate) conversation_id: Vec<u8>,
}

impl Relation {
    /// Of two people who never decided anything.
    pub(crate) fn none(pair: Pair) -> Self {
        Self {
            pair,
            friends: false,
            since_at: 0,
            lo_blocked_at: 0,
            hi_blocked_at: 0,
            version: 0,
            settled: true,
            conversation_id: Vec::new(),
        }
    }

    /// Since when `user` blocks the other.
    pub(crate) fn blocked_since(&self, user: UserId) -> Option<Timestamp> {
        let at = if user == self.pair.lo { self.lo_blocked_at } else { self.hi_blocked_at };
        (at > 0).then_some(at)
    }

    /// `user` blocks the other since then, or no longer.
    pub(crate) fn set_blocked(&mut self, user: UserId, since: Option<Timestamp>) {
        let at = if user == self.pair.lo { &mut self.lo_blocked_at } else { &mut self.hi_blocked_at };
        *at = since.unwrap_or(0);
    }

    /// Whether one of them blocks the other.
    pub(crate) fn blocked(&self) -> bool {
        self.lo_blocked_at > 0 || self.hi_blocked_at > 0
    }
}
