//! An alarm that a task sleeps by: it rings at the earliest time it was set to, and never while it is set to none.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use anser_types::{Clock, Timestamp};
use tokio::sync::Notify;

/// How long one sleeps at a time: the clock may be steered meanwhile.
const SLEEP_MS: i64 = 60_000;

/// The alarm. Anybody sets it; one task waits for it.
pub struct Alarm {
    at: AtomicI64,
    set: Notify,
}

impl Alarm {
    /// An alarm that rings at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self { at: AtomicI64::new(at), set: Notify::new() }
    }

    /// Rings at `at`, or before if that was asked for already.
    pub fn ring_by(&self, at: Timestamp) {
        if self.at.fetch_min(at, Ordering::AcqRel) > at {
            self.set.notify_one();
        }
    }

    /// Waits until it rings; it is set to no time then.
    pub async fn wait(&self, clock: &Clock) {
        loop {
            let (at, now) = (self.at.load(Ordering::Acquire), clock.now());
            if at <= now {
                self.at.store(Timestamp::MAX, Ordering::Release);
                return;
            }
            let sleep = Duration::from_millis(at.saturating_sub(now).min(SLEEP_MS).unsigned_abs());
            tokio::select! {
                () = self.set.notified() => {}
                () = tokio::time::sleep(sleep), if at < Timestamp::MAX => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn it_rings_at_the_earliest_time_and_then_is_silent() {
        let clock = Clock::fixed(1_000);
        let alarm = Alarm::at(Timestamp::MAX);
        alarm.ring_by(5_000);
        alarm.ring_by(3_000);
        clock.advance(1_999);
        assert!(alarm.wait(&clock).now_or_never().is_none());
        clock.advance(1);
        assert!(alarm.wait(&clock).now_or_never().is_some());
        clock.advance(1_000_000);
        assert!(alarm.wait(&clock).now_or_never().is_none());
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_an_earlier_time() {
        let clock = Clock::fixed(1_000);
        let alarm = Arc::new(Alarm::at(Timestamp::MAX));
        let waiting = tokio::spawn({
            let (alarm, clock) = (alarm.clone(), clock.clone());
            async move { alarm.wait(&clock).await }
        });
        tokio::task::yield_now().await;
        alarm.ring_by(1_000);
        waiting.await.unwrap();
    }
}
