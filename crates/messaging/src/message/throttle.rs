//! How fast a person may send: a token bucket for each, in bounded memory.

use std::collections::HashMap;

use anser_types::{Clock, Error, Result, Timestamp, UserId};
use parking_lot::Mutex;

/// How many people are remembered; beyond it those whose bucket is full again are forgotten.
const PEOPLE: usize = 100_000;

/// The buckets of all people.
pub struct Throttle {
    clock: Clock,
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<UserId, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Throttle {
    /// `per_second` sends sustained, `burst` at once; 0 a second: no limit.
    pub fn new(clock: Clock, per_second: u32, burst: u32) -> Self {
        Self {
            clock,
            per_second: f64::from(per_second),
            burst: f64::from(burst.max(1)),
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one send out of `user`'s bucket, or says when there will be one.
    pub fn pass(&self, user: UserId) -> Result<()> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let now = self.clock.now();
        let mut buckets = self.buckets.lock();
        if buckets.len() >= PEOPLE && !buckets.contains_key(&user) {
            buckets.retain(|_, bucket| self.refilled(bucket, now) < self.burst);
            if buckets.len() >= PEOPLE {
                return Err(Error::rate_limited(1_000));
            }
        }
        let bucket = buckets.entry(user).or_insert(Bucket { tokens: self.burst, at: now });
        bucket.tokens = self.refilled(bucket, now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let wait_ms = (1.0 - bucket.tokens) / self.per_second * 1_000.0;
            return Err(Error::rate_limited(wait_ms.ceil() as u64));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn refilled(&self, bucket: &Bucket, now: Timestamp) -> f64 {
        (bucket.tokens + (now - bucket.at) as f64 / 1_000.0 * self.per_second).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_others_are_not_touched() {
        let clock = Clock::fixed(0);
        let throttle = Throttle::new(clock.clone(), 10, 3);
        let (alice, bob) = (UserId([1; 16]), UserId([2; 16]));
        for _ in 0..3 {
            throttle.pass(alice).unwrap();
        }
        assert_eq!(throttle.pass(alice).unwrap_err().retry_after_ms, Some(100));
        throttle.pass(bob).unwrap();
        clock.advance(100);
        throttle.pass(alice).unwrap();
        assert!(throttle.pass(alice).is_err());
    }
}
