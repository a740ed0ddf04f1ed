//! Whose coming and going which gateways want to be told. Costs nothing for people whom nobody watches.
//!
//! That somebody is online is told at once; that they are not, only after a grace, so that who comes back within it was
//! never away. The same goes for people who are watched while they are not online: after a restart they get the time
//! to come back.

use std::collections::{HashMap, hash_map::Entry};

use anser_types::{Timestamp, UserId};
use tokio::time::{Duration, Instant};

use crate::effects::LinkId;

/// Who went counts as online for so long.
const GRACE: Duration = Duration::from_secs(5);
/// People that may be watched; beyond it new ones are passed over.
const PEOPLE: usize = 1_000_000;
/// How many people are told of at one tick; the others wait for the next.
const A_TICK: usize = 10_000;

/// Who is watched, and of whom is to be told.
#[derive(Default)]
pub struct Watched {
    links: HashMap<UserId, Vec<LinkId>>,
    due: HashMap<UserId, Due>,
}

/// Somebody of whom is to be told.
#[derive(Clone, Copy)]
struct Due {
    at: Instant,
    /// When they went; 0: nobody saw them go, so they were away before.
    went_at: Timestamp,
}

impl Watched {
    /// Tells `link` of `user` from now on. `false`: there is no room.
    pub fn watch(&mut self, link: LinkId, user: UserId) -> bool {
        let count = self.links.len();
        let links = match self.links.entry(user) {
            Entry::Vacant(_) if count >= PEOPLE => return false,
            entry => entry.or_default(),
        };
        if !links.contains(&link) {
            links.push(link);
        }
        self.count();
        true
    }

    /// Tells `link` of `user` no longer.
    pub fn no_longer(&mut self, link: LinkId, user: UserId) {
        if let Some(links) = self.links.get_mut(&user) {
            links.retain(|other| *other != link);
            if links.is_empty() {
                self.links.remove(&user);
                self.due.remove(&user);
            }
        }
        self.count();
    }

    /// Tells `link` of nobody any more.
    pub fn drop_link(&mut self, link: LinkId) {
        self.links.retain(|_, links| {
            links.retain(|other| *other != link);
            !links.is_empty()
        });
        self.due.retain(|user, _| self.links.contains_key(user));
        self.count();
    }

    /// The gateways that want to be told of `user`.
    pub fn links_of(&self, user: UserId) -> &[LinkId] {
        self.links.get(&user).map_or(&[], Vec::as_slice)
    }

    /// `user` is online: nothing is to be told later. Answers whether somebody wants to know it now.
    pub fn came(&mut self, user: UserId) -> bool {
        if !self.links.contains_key(&user) {
            return false;
        }
        self.due.remove(&user);
        true
    }

    /// `user` went at that time, or is not here (0): to be told unless they come.
    pub fn away(&mut self, user: UserId, went_at: Timestamp, now: Instant) {
        if self.links.contains_key(&user) {
            self.due.entry(user).or_insert(Due { at: now + GRACE, went_at });
        }
    }

    /// `user` could not be told of everywhere: at the next tick again.
    pub fn again(&mut self, user: UserId, went_at: Timestamp, now: Instant) {
        self.due.insert(user, Due { at: now, went_at });
    }

    /// Whether `user`, who is not here, counts as online for a moment.
    pub fn lingers(&self, user: UserId, now: Instant) -> bool {
        self.due.get(&user).is_some_and(|due| due.went_at > 0 && due.at > now)
    }

    /// Of whom to tell now, and when they went.
    pub fn take_due(&mut self, now: Instant) -> Vec<(UserId, Timestamp)> {
        let due = self.due.iter().filter(|(_, due)| due.at <= now).take(A_TICK);
        let due: Vec<(UserId, Timestamp)> = due.map(|(user, due)| (*user, due.went_at)).collect();
        for (user, _) in &due {
            self.due.remove(user);
        }
        due
    }

    fn count(&self) {
        metrics::gauge!("anser_messaging_presence_watched").set(self.links.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId([1; 16]);
    const BOB: UserId = UserId([2; 16]);

    #[test]
    fn who_goes_is_told_of_after_the_grace_and_who_comes_back_is_not() {
        let (mut watched, now) = (Watched::default(), Instant::now());
        assert!(watched.watch(1, ALICE) && watched.watch(2, ALICE) && watched.watch(1, BOB));
        assert_eq!(watched.links_of(ALICE), [1, 2]);
        watched.away(ALICE, 70, now);
        watched.away(BOB, 80, now);
        assert!(watched.lingers(ALICE, now) && watched.take_due(now).is_empty());
        assert!(watched.came(BOB));
        let later = now + GRACE;
        assert!(!watched.lingers(ALICE, later));
        assert_eq!(watched.take_due(later), [(ALICE, 70)]);
        assert!(watched.take_due(later).is_empty());
    }

    #[test]
    fn nobody_is_told_of_whom_nobody_watches() {
        let (mut watched, now) = (Watched::default(), Instant::now());
        watched.away(ALICE, 70, now);
        assert!(!watched.came(ALICE) && watched.due.is_empty());
        watched.watch(1, ALICE);
        watched.watch(2, BOB);
        watched.away(ALICE, 0, now);
        assert!(!watched.lingers(ALICE, now), "nobody saw them go");
        watched.away(BOB, 70, now);
        watched.no_longer(1, ALICE);
        watched.drop_link(2);
        assert!(watched.links.is_empty() && watched.due.is_empty());
    }
}
