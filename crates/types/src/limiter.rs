//! How often something may happen: one bucket per key, in bounded memory of this process.
//!
//! Each bucket is one number, the time at which it will be full again (the generic cell rate algorithm): up to a burst
//! at once, and one more each time that the rate allows it. Nothing here is told to anybody: callers make the error and
//! count it.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
};

use parking_lot::Mutex;

use crate::Timestamp;

/// Buckets kept. When they are all in use, new keys are refused: better than letting an attacker flush them.
const BUCKETS: usize = 65_536;
/// How often buckets that are full again are thrown away, in milliseconds.
const SWEEP_MS: i64 = 60_000;
/// How often at most where no bucket is left: a sweep looks at every one.
const URGENT_SWEEP_MS: i64 = 1_000;

/// Buckets of one kind, one for each key.
pub struct Limiter<K> {
    /// What one costs, in microseconds. 0: no limit.
    each_us: i64,
    /// What a full bucket holds, in microseconds.
    full_us: i64,
    state: Mutex<State<K>>,
}

struct State<K> {
    /// When each bucket is full again, in microseconds.
    full_at: HashMap<K, i64>,
    swept_at: Timestamp,
}

impl<K: Hash + Eq> Limiter<K> {
    /// `count` a minute for each key, all of them at once if it likes; 0: no limit.
    pub fn a_minute(count: u32) -> Self {
        Self::new(60_000_000, count, count)
    }

    /// `rate` a second for each key, and `burst` at once after a pause; a rate of 0: no limit.
    pub fn a_second(rate: u32, burst: u32) -> Self {
        Self::new(1_000_000, rate, burst)
    }

    fn new(period_us: i64, count: u32, burst: u32) -> Self {
        let each_us = if count == 0 { 0 } else { (period_us / i64::from(count)).max(1) };
        let state = State { full_at: HashMap::new(), swept_at: 0 };
        Self { each_us, full_us: each_us * i64::from(burst.max(1)), state: Mutex::new(state) }
    }

    /// Takes one from `key`'s bucket, or says in how many milliseconds there will be one.
    pub fn take(&self, key: K, now: Timestamp) -> Result<(), u64> {
        if self.each_us == 0 {
            return Ok(());
        }
        let mut state = self.state.lock();
        if !state.has_room(&key, now) {
            return Err(URGENT_SWEEP_MS as u64);
        }
        let now_us = now * 1_000;
        let full_at = state.full_at.entry(key).or_insert(now_us);
        let next = (*full_at).max(now_us) + self.each_us;
        let wait_us = next - now_us - self.full_us;
        if wait_us > 0 {
            return Err((wait_us as u64).div_ceil(1_000));
        }
        *full_at = next;
        Ok(())
    }
}

impl<K: Hash + Eq> State<K> {
    /// Whether `key` has a bucket or may have one.
    fn has_room(&mut self, key: &K, now: Timestamp) -> bool {
        let full = self.full_at.len() >= BUCKETS && !self.full_at.contains_key(key);
        if now - self.swept_at >= if full { URGENT_SWEEP_MS } else { SWEEP_MS } {
            self.full_at.retain(|_, full_at| *full_at > now * 1_000);
            self.full_at.shrink_to(self.full_at.len() * 2);
            self.swept_at = now;
        }
        !full || self.full_at.len() < BUCKETS
    }
}

/// Whose bucket an address draws from. With IPv6 a customer has a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The one that `address` belongs to.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address => address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_gives_its_count_at_once_and_then_one_at_a_time() {
        let limiter = Limiter::a_minute(5);
        for _ in 0..5 {
            assert!(limiter.take("ada", 1_000).is_ok());
        }
        assert_eq!(limiter.take("ada", 1_000), Err(12_000));
        assert!(limiter.take("bob", 1_000).is_ok(), "others are not concerned");
        assert!(limiter.take("ada", 12_999).is_err());
        assert!(limiter.take("ada", 13_000).is_ok());
        assert!(limiter.take("ada", 13_000).is_err());
    }

    #[test]
    fn rate_and_burst_are_two_things() {
        let limiter = Limiter::a_second(2, 10);
        assert_eq!((0..20).filter(|_| limiter.take((), 0).is_ok()).count(), 10);
        assert_eq!(limiter.take((), 0), Err(500));
        assert_eq!((0..20).filter(|_| limiter.take((), 1_000).is_ok()).count(), 2);
        assert_eq!((0..20).filter(|_| limiter.take((), 3_600_000).is_ok()).count(), 10);
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limiter = Limiter::a_minute(0);
        assert!((0..1_000).all(|_| limiter.take((), 0).is_ok()));
    }

    #[test]
    fn memory_is_bounded_and_comes_back_with_time() {
        let limiter = Limiter::a_minute(1);
        for key in 0..BUCKETS {
            assert!(limiter.take(key, 0).is_ok());
        }
        assert!(limiter.take(usize::MAX, 0).is_err());
        assert_eq!(limiter.state.lock().full_at.len(), BUCKETS);
        assert!(limiter.take(usize::MAX, 120_000).is_ok());
        assert_eq!(limiter.state.lock().full_at.len(), 1);
        assert!(limiter.state.lock().full_at.capacity() < BUCKETS);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
        assert_ne!(source("::a00:1"), source("10.0.0.1"));
    }
}
