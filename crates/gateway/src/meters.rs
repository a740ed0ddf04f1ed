//! What the WebSocket half counts. `docs/metrics.md` says what each name means.

use metrics::{Counter, Gauge, counter, gauge};

/// Handles to the figures, so that the message path looks nothing up.
pub struct Meters {
    /// Sockets that are signed in.
    pub connections: Gauge,
    /// Sockets that were opened.
    pub opened: Counter,
    /// Messages from clients.
    pub frames_in: Counter,
    /// Frames to clients.
    pub frames_out: Counter,
    /// Push frames to clients.
    pub pushes: Counter,
    /// Events in push frames.
    pub events: Counter,
    /// Times a client was told to sync.
    pub sync_required: Counter,
    /// Connections closed for being too slow.
    pub slow_closed: Counter,
    /// Connections closed because nobody was there any more.
    pub dead_closed: Counter,
    /// Handshakes turned away.
    pub refused: Counter,
    /// Times the stream from messaging was opened.
    pub link_opened: Counter,
    /// One while the stream from messaging stands.
    pub link_up: Gauge,
}

impl Meters {
    /// The figures of this process.
    pub fn new() -> Self {
        Self {
            connections: gauge!("anser_gateway_connections"),
            opened: counter!("anser_gateway_connections_opened_total"),
            frames_in: counter!("anser_gateway_frames_in_total"),
            frames_out: counter!("anser_gateway_frames_out_total"),
            pushes: counter!("anser_gateway_pushes_total"),
            events: counter!("anser_gateway_events_total"),
            sync_required: counter!("anser_gateway_sync_required_total"),
            slow_closed: counter!("anser_gateway_slow_closed_total"),
            dead_closed: counter!("anser_gateway_dead_closed_total"),
            refused: counter!("anser_gateway_handshakes_refused_total"),
            link_opened: counter!("anser_gateway_link_opened_total"),
            link_up: gauge!("anser_gateway_link_up"),
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}
