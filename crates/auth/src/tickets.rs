//! Tickets for WebSockets: a secret that stands for a session, good once and for half a minute.
//!
//! They live in the memory of the process that owns auth, hashed, because they need not survive it: a client whose
//! ticket is refused asks for another one.

use std::collections::{HashMap, VecDeque};

use anser_types::{Error, Result, SessionId, Timestamp, base32};
use parking_lot::Mutex;
use ring::digest;

/// Tickets that may wait at once.
const MOST: usize = 65_536;

pub(crate) struct Tickets {
    ttl_ms: i64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<[u8; 32], (SessionId, Timestamp)>,
    /// The same, oldest first. All live equally long, so this is also the order in which they expire.
    order: VecDeque<([u8; 32], Timestamp)>,
}

impl Tickets {
    pub(crate) fn new(ttl_ms: i64) -> Self {
        Self { ttl_ms, state: Mutex::default() }
    }

    /// A new ticket for `session`, and when it expires.
    pub(crate) fn mint(&self, session: SessionId, now: Timestamp) -> Result<(String, Timestamp)> {
        let ticket: [u8; 32] = rand::random();
        let (hash, expires_at) = (hash(&ticket), now + self.ttl_ms);
        let mut state = self.state.lock();
        state.drop_expired(now);
        if state.order.len() >= MOST {
            return Err(Error::unavailable("too many tickets wait to be used"));
        }
        state.waiting.insert(hash, (session, expires_at));
        state.order.push_back((hash, expires_at));
        Ok((base32::encode(&ticket), expires_at))
    }

    /// The session behind `ticket`, once.
    pub(crate) fn redeem(&self, ticket: &str, now: Timestamp) -> Option<SessionId> {
        let hash = hash(&base32::decode(ticket)?);
        let (session, expires_at) = self.state.lock().waiting.remove(&hash)?;
        (now < expires_at).then_some(session)
    }
}

impl State {
    fn drop_expired(&mut self, now: Timestamp) {
        while let Some(&(hash, expires_at)) = self.order.front()
            && expires_at <= now
        {
            self.order.pop_front();
            self.waiting.remove(&hash);
        }
    }
}

fn hash(ticket: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, ticket).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_not_for_long() {
        let tickets = Tickets::new(30_000);
        let session = SessionId([3; 16]);
        let (ticket, expires_at) = tickets.mint(session, 1_000).unwrap();
        assert_eq!(expires_at, 31_000);
        assert_eq!(tickets.redeem("zzzz", 1_000), None);
        assert_eq!(tickets.redeem(&ticket, 30_999), Some(session));
        assert_eq!(tickets.redeem(&ticket, 30_999), None);
        let (late, _) = tickets.mint(session, 1_000).unwrap();
        assert_eq!(tickets.redeem(&late, 31_000), None);
    }

    #[test]
    fn there_are_never_too_many() {
        let tickets = Tickets::new(30_000);
        for _ in 0..MOST {
            tickets.mint(SessionId([3; 16]), 0).unwrap();
        }
        assert!(tickets.mint(SessionId([3; 16]), 29_999).is_err());
        assert!(tickets.mint(SessionId([3; 16]), 30_000).is_ok());
        assert_eq!(tickets.state.lock().waiting.len(), 1);
    }
}
