//! The one clock of all connections: deadlines, silence and slowness are looked at together, twice a second.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;

use crate::{link, state::Gateway};

/// Looks at every connection again and again, until it is dropped.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let mut tick = tokio::time::interval(gateway.options.timings.sweep);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let desk = gateway.desk();
        for socket in gateway.hub.sockets() {
            socket.sweep(&desk);
        }
        link::refuse_waiting(&gateway);
        gateway.identities.ended().prune();
    }
}
