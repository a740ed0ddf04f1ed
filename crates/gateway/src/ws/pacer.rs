//! When a connection's writer is woken: at once while little is going on, in company when much is.
//!
//! A write costs about the same for one frame as for ten, so under load it pays to let frames gather. A few sockets in
//! each short period are woken at once; the rest wait for the period's end and are then woken together. One task does
//! that for all connections: none has a timer of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::socket::Socket;

/// How long frames gather.
const PERIOD_MS: u64 = 5;
/// How many sockets are woken at once in each period.
const AT_ONCE: u64 = 64;
/// How many sockets one core writes to in a millisecond without doing nothing else.
const WAKES_A_MS: usize = 40;
/// The longest that frames gather, however many sockets there are.
const LONGEST_MS: u64 = 25;

/// Decides who is woken when.
#[derive(Default)]
pub struct Pacer {
    /// The period in the upper half, how many were woken at once in it in the lower.
    credit: AtomicU64,
    gathered: Mutex<Vec<Arc<Socket>>>,
    some: Notify,
}

impl Pacer {
    /// Whether one more socket may be woken at once.
    pub fn at_once(&self, now_ms: u64) -> bool {
        let period = (now_ms / PERIOD_MS) << 32;
        let take = |credit: u64| match credit {
            _ if credit & !0xffff_ffff != period => Some(period | 1),
            _ if credit & 0xffff_ffff < AT_ONCE => Some(credit + 1),
            _ => None,
        };
        self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Wakes `socket` at the end of the period.
    pub fn gather(&self, socket: Arc<Socket>) {
        let mut gathered = self.gathered.lock();
        gathered.push(socket);
        if gathered.len() == 1 {
            self.some.notify_one();
        }
    }

    /// Wakes what gathers, until it is dropped.
    pub async fn run(&self) {
        loop {
            self.some.notified().await;
            tokio::time::sleep(Duration::from_millis(PERIOD_MS)).await;
            let fair = (self.gathered.lock().len() / WAKES_A_MS) as u64;
            if fair > PERIOD_MS {
                tokio::time::sleep(Duration::from_millis(fair.min(LONGEST_MS) - PERIOD_MS)).await;
            }
            let gathered = std::mem::take(&mut *self.gathered.lock());
            for socket in gathered {
                socket.wake_gathered();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_per_period() {
        let pacer = Pacer::default();
        assert_eq!((0..100).filter(|_| pacer.at_once(1_000)).count() as u64, AT_ONCE);
        assert!(!pacer.at_once(1_004));
        assert!(pacer.at_once(1_005));
    }
}
