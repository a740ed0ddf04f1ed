//! What sessions did a moment ago: the sockets of the session that did something are not told of it.

use std::collections::{HashMap, VecDeque};

use anser_types::{MessageId, SessionId, UserId};
use parking_lot::Mutex;

/// How many doings are remembered, and for how long. Each is needed until its event comes, which is a moment later; one
/// that is forgotten is told to its own session too.
const REMEMBERED: usize = 16_384;
const MOMENT_MS: u64 = 30_000;

/// Something that a session did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doing {
    /// Sent a message.
    Sent(MessageId),
    /// The first one ended the friendship with the second.
    Removed(UserId, UserId),
}

/// What was done, and by which session; the oldest are forgotten first.
#[derive(Default)]
pub(super) struct Doings(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    by: HashMap<Doing, (SessionId, u64)>,
    order: VecDeque<Doing>,
}

impl Doings {
    /// `session` is about to do this.
    pub fn note(&self, doing: Doing, session: SessionId, now_ms: u64) {
        let mut inner = self.0.lock();
        if inner.by.insert(doing, (session, now_ms)).is_none() {
            inner.order.push_back(doing);
        }
        if inner.order.len() > REMEMBERED
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.by.remove(&oldest);
        }
    }

    /// Whether it was this session's doing.
    pub fn are_of(&self, session: SessionId, doing: Doing, now_ms: u64) -> bool {
        let inner = self.0.lock();
        inner.by.get(&doing).is_some_and(|(by, at)| *by == session && now_ms.saturating_sub(*at) <= MOMENT_MS)
    }

    /// It is no longer so: whatever is told of it from now on was done by somebody else.
    pub fn forget(&self, doing: Doing) {
        self.0.lock().by.remove(&doing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_doings_are_forgotten_first() {
        let doings = Doings::default();
        let sent = |number: usize| {
            let mut id = MessageId::default();
            id.0[..8].copy_from_slice(&number.to_be_bytes());
            Doing::Sent(id)
        };
        let (mine, other) = (SessionId([1; 16]), SessionId([2; 16]));
        let now = MOMENT_MS + 1;
        (0..=REMEMBERED).for_each(|number| doings.note(sent(number), mine, now));
        assert!(!doings.are_of(mine, sent(0), now));
        assert!(doings.are_of(mine, sent(1), now) && doings.are_of(mine, sent(REMEMBERED), now));
        assert!(!doings.are_of(other, sent(1), now));
        assert!(!doings.are_of(mine, sent(1), now + MOMENT_MS + 1), "after a moment");
        doings.forget(sent(2));
        assert!(!doings.are_of(mine, sent(2), now));
    }
}
