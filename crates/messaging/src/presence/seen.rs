//! Who came and went and is still to be noted in the user service: the latest of each person, and a bounded number of them.

use std::collections::HashMap;

use anser_types::{Clock, Timestamp, UserId};
use parking_lot::Mutex;

/// People of whom it waits to be noted; beyond it others are passed over.
const WAITING: usize = 65_536;

/// When people were last online, as far as the user service does not know it yet.
pub struct Seen {
    clock: Clock,
    waiting: Mutex<HashMap<UserId, Timestamp>>,
}

impl Seen {
    /// Nobody was seen.
    pub fn new(clock: Clock) -> Self {
        Self { clock, waiting: Mutex::default() }
    }

    /// `user` is online now, or was until now. Answers the time.
    pub fn note(&self, user: UserId) -> Timestamp {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING || waiting.contains_key(&user) {
            waiting.insert(user, now);
        } else {
            metrics::counter!("anser_messaging_last_seen_left_out_total").increment(1);
        }
        now
    }

    /// When `user` was seen, if that waits to be noted.
    pub fn get(&self, user: UserId) -> Option<Timestamp> {
        self.waiting.lock().get(&user).copied()
    }

    /// Some that wait. They go on waiting until they are [`Self::noted`].
    pub fn some(&self, limit: usize) -> Vec<(UserId, Timestamp)> {
        self.waiting.lock().iter().take(limit).map(|(user, at)| (*user, *at)).collect()
    }

    /// The user service knows of these.
    pub fn noted(&self, seen: &[(UserId, Timestamp)]) {
        let mut waiting = self.waiting.lock();
        for (user, at) in seen {
            if waiting.get(user) == Some(at) {
                waiting.remove(user);
            }
        }
        if waiting.is_empty() {
            waiting.shrink_to(1_024);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_each_person_waits_until_it_is_noted() {
        let clock = Clock::fixed(1_000);
        let seen = Seen::new(clock.clone());
        let (alice, bob) = (UserId([1; 16]), UserId([2; 16]));
        seen.note(alice);
        seen.note(bob);
        let first = seen.some(10);
        clock.advance(500);
        seen.note(alice);
        seen.noted(&first);
        assert_eq!(seen.some(10), [(alice, 1_500)]);
        assert_eq!((seen.get(alice), seen.get(bob)), (Some(1_500), None));
    }
}
