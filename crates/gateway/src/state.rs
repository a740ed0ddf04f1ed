//! The gateway's state, shared by both halves, and its life: start, drain, stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anser_types::Clock;

use crate::{
    identity::Identities,
    options::{GatewayOptions, GatewayServices},
};

/// One gateway: what its handlers and tasks share.
pub struct Gateway {
    /// The services behind it.
    pub services: GatewayServices,
    /// What is set about it.
    pub options: GatewayOptions,
    /// Its time.
    pub clock: Clock,
    /// Who requests come from.
    pub identities: Identities,
    draining: AtomicBool,
}

impl Gateway {
    /// A gateway that does nothing until it is started.
    pub fn new(services: GatewayServices, options: GatewayOptions, clock: Clock) -> Arc<Self> {
        let identities = Identities::new(services.auth.clone(), clock.clone(), options.timings.remember_ended);
        Arc::new(Self { services, options, clock, identities, draining: AtomicBool::new(false) })
    }

    /// Starts what runs beside the connections: the streams from messaging and of events, and the sweeper.
    pub fn start(self: &Arc<Self>) {}

    /// Whether the gateway takes no new connections any more.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Takes no new WebSocket, tells those that are open to come back after about `after_ms`, lets open requests
    /// finish, and closes them.
    pub async fn drain(&self, _after_ms: u32) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Ends everything that [`Gateway::start`] started, and every connection that is still there.
    pub async fn stop(&self) {}
}
