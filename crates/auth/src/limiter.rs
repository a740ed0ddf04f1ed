//! How often something may happen: one bucket per key, in bounded memory of this process.
//!
//! Each bucket is one number, the time at which it will be full again (the generic cell rate algorithm): up to `count`
//! at once, and one more each `minute / count`.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use anser_types::{Error, Result, Timestamp};
use parking_lot::Mutex;

const MINUTE_MS: i64 = 60_000;
/// Buckets kept. When they are all in use, new keys are refused: better than letting an attacker flush them.
const BUCKETS: usize = 65_536;

pub(crate) struct Limiter<K> {
    name: &'static str,
    count: i64,
    state: Mutex<State<K>>,
}

struct State<K> {
    full_at: HashMap<K, Timestamp>,
    /// Not swept again before this, since a sweep looks at every bucket.
    sweep_at: Timestamp,
}

impl<K: Hash + Eq> Limiter<K> {
    /// `count` a minute for each key; 0: no limit. `name` stands in the metric.
    pub(crate) fn new(name: &'static str, count: u32) -> Self {
        let state = State { full_at: HashMap::new(), sweep_at: 0 };
        Self { name, count: i64::from(count), state: Mutex::new(state) }
    }

    /// Takes one from `key`'s bucket, or says when there will be one.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let wait = self.wait(key, now);
        if wait == 0 {
            return Ok(());
        }
        metrics::counter!("anser_auth_rate_limited_total", "limit" => self.name).increment(1);
        Err(Error::rate_limited(wait as u64))
    }

    fn wait(&self, key: K, now: Timestamp) -> i64 {
        let mut state = self.state.lock();
        if state.full_at.len() >= BUCKETS && !state.full_at.contains_key(&key) {
            if now >= state.sweep_at {
                state.full_at.retain(|_, full_at| *full_at > now);
                state.sweep_at = now + 1_000;
            }
            if state.full_at.len() >= BUCKETS {
                return 1_000;
            }
        }
        let each = MINUTE_MS / self.count;
        let full_at = state.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + each;
        let wait = next - now - MINUTE_MS;
        if wait > 0 {
            return wait;
        }
        *full_at = next;
        0
    }
}

/// Whose bucket an address draws from. With IPv6 a customer has a whole /64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(u64);

impl Source {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(u32::from(address))),
            IpAddr::V6(address) => Self((u128::from(address) >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_gives_its_count_at_once_and_then_one_at_a_time() {
        let limiter = Limiter::new("test", 5);
        for _ in 0..5 {
            assert!(limiter.take("ada", 1_000).is_ok());
        }
        let error = limiter.take("ada", 1_000).unwrap_err();
        assert_eq!(error.retry_after_ms, Some(12_000));
        assert!(limiter.take("bob", 1_000).is_ok(), "others are not concerned");
        assert!(limiter.take("ada", 12_999).is_err());
        assert!(limiter.take("ada", 13_000).is_ok());
        assert!(limiter.take("ada", 13_000).is_err());
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limiter = Limiter::new("test", 0);
        assert!((0..1_000).all(|_| limiter.take((), 0).is_ok()));
    }

    #[test]
    fn memory_is_bounded_and_comes_back_with_time() {
        let limiter = Limiter::new("test", 1);
        for key in 0..BUCKETS {
            assert!(limiter.take(key, 0).is_ok());
        }
        assert!(limiter.take(usize::MAX, 0).is_err());
        assert_eq!(limiter.state.lock().full_at.len(), BUCKETS);
        assert!(limiter.take(usize::MAX, 2 * MINUTE_MS).is_ok());
        assert_eq!(limiter.state.lock().full_at.len(), 1);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert!(source("2001:db8::1") == source("2001:db8::2"));
        assert!(source("2001:db8::1") != source("2001:db8:0:1::1"));
        assert!(source("::ffff:10.0.0.1") == source("10.0.0.1"));
    }
}
