//! What `/readyz` says: ready or not, and what is degraded. The server crate sets it, the gateway shows it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;

/// A handle to the process's health; clones share it. Begins as not ready.
#[derive(Clone, Default)]
pub struct Health(Arc<State>);

#[derive(Default)]
struct State {
    ready: AtomicBool,
    degraded: Mutex<BTreeSet<&'static str>>,
}

impl Health {
    /// A process that is not ready yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether new requests are welcome: false until everything is open, and again while draining.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    /// Whether new requests are welcome.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// Says that `part` works worse than promised, or no longer does. A degraded process stays ready.
    pub fn degrade(&self, part: &'static str, degraded: bool) {
        let mut parts = self.0.degraded.lock();
        if degraded {
            parts.insert(part);
        } else {
            parts.remove(part);
        }
    }

    /// The parts that are degraded, in alphabetical order.
    pub fn degraded(&self) -> Vec<&'static str> {
        self.0.degraded.lock().iter().copied().collect()
    }
}
