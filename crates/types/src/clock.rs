//! Time, handed in: nothing else in the house may ask the operating system what time it is.
//!
//! While the process runs, time is the monotonic clock steered by the wall clock: it never goes back, and where the
//! two part by more than [`MAX_DRIFT_MS`] the monotonic one is kept and the jump is reported ([`Clock::jump_ms`]).

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Unix time in milliseconds.
pub type Timestamp = i64;

/// How far wall and monotonic time may part before the wall clock is no longer followed.
pub const MAX_DRIFT_MS: i64 = 5_000;

/// A clock. Cloning gives another handle to the same clock.
#[derive(Clone)]
pub struct Clock(Arc<Kind>);

enum Kind {
    System(System),
    Fixed(AtomicI64),
}

struct System {
    origin: Instant,
    /// Wall time that belongs to `origin`; moves slowly where the wall clock is disciplined.
    offset: AtomicI64,
    last: AtomicI64,
    jump: AtomicI64,
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System(System {
            origin: monotonic_now(),
            offset: AtomicI64::new(wall_now()),
            last: AtomicI64::new(0),
            jump: AtomicI64::new(0),
        })))
    }

    /// A clock for tests that stands at `at` until [`Clock::advance`] moves it.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Arc::new(Kind::Fixed(AtomicI64::new(at))))
    }

    /// Milliseconds since 1970; never smaller than an earlier answer of the same clock.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::Fixed(at) => at.load(Ordering::Relaxed),
            Kind::System(system) => system.now(wall_now()),
        }
    }

    /// Moves a fixed clock by `milliseconds`; does nothing to the machine's clock.
    pub fn advance(&self, milliseconds: i64) {
        if let Kind::Fixed(at) = &*self.0 {
            at.fetch_add(milliseconds, Ordering::Relaxed);
        }
    }

    /// By how many milliseconds the wall clock is ahead of the time in use; not zero only after a jump.
    pub fn jump_ms(&self) -> i64 {
        match &*self.0 {
            Kind::Fixed(_) => 0,
            Kind::System(system) => system.jump.load(Ordering::Relaxed),
        }
    }
}

impl System {
    fn now(&self, wall: Timestamp) -> Timestamp {
        let elapsed = self.origin.elapsed().as_millis() as i64;
        let steady = self.offset.load(Ordering::Relaxed) + elapsed;
        let drift = wall - steady;
        let now = if drift.abs() <= MAX_DRIFT_MS {
            self.offset.fetch_add(drift, Ordering::Relaxed);
            self.jump.store(0, Ordering::Relaxed);
            wall
        } else {
            self.jump.store(drift, Ordering::Relaxed);
            steady
        };
        self.last.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clocks")]
fn wall_now() -> Timestamp {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clocks")]
fn monotonic_now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system_at(wall: Timestamp) -> System {
        System {
            origin: monotonic_now(),
            offset: AtomicI64::new(wall),
            last: AtomicI64::new(0),
            jump: AtomicI64::new(0),
        }
    }

    #[test]
    fn small_steps_back_do_not_move_time_back() {
        let system = system_at(1_000_000);
        let first = system.now(1_000_100);
        assert!(system.now(1_000_050) >= first);
        assert_eq!(system.jump.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_jump_is_not_followed_and_is_reported() {
        let system = system_at(1_000_000);
        let now = system.now(1_000_000 + 3_600_000);
        assert!((1_000_000..1_001_000).contains(&now));
        assert!(system.jump.load(Ordering::Relaxed) > 3_590_000);
    }
}
