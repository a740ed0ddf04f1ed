//! The configuration as the options of each crate. Nothing is decided here: each line carries one key to its place.

use std::time::Duration;

use anser_contract::v1::Limits;
use anser_gateway::{GatewayOptions, ListenerOptions, options::Timings};
use anser_user::UserOptions;

use crate::config::Config;

/// For the user service.
pub fn user(_config: &Config) -> UserOptions {
    UserOptions::default()
}

/// For the gateway.
pub fn gateway(config: &Config) -> GatewayOptions {
    let gateway = &config.gateway;
    let ms = Duration::from_millis;
    GatewayOptions {
        limits: limits(config),
        allowed_origins: gateway.allowed_origins.clone(),
        sockets_per_session: gateway.sockets_per_session,
        max_connections: gateway.connections,
        handshakes_per_second: gateway.handshakes_per_second,
        timings: Timings {
            hello: ms(gateway.hello_timeout_ms),
            ping_after: ms(gateway.ping_after_ms),
            dead_after: ms(gateway.dead_after_ms),
            slow_grace: ms(gateway.slow_close_ms),
            request_max: ms(gateway.request_timeout_ms),
            ..Timings::default()
        },
        ..GatewayOptions::default()
    }
}

/// For the gateway's listener.
pub fn listener(config: &Config) -> ListenerOptions {
    ListenerOptions {
        max_connections: config.gateway.connections,
        header_timeout: Duration::from_millis(config.gateway.header_timeout_ms),
        drain_timeout: Duration::from_millis(config.server.drain_ms),
        ..ListenerOptions::default()
    }
}

/// What clients are told in `welcome`.
fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        body_bytes: limits.body_bytes,
        frame_bytes: limits.frame_bytes,
        json_request_bytes: limits.request_bytes,
        open_requests: config.gateway.open_requests,
        unacked_pushes: config.gateway.unacked_pushes,
        unacked_push_bytes: config.gateway.unacked_push_bytes,
        sends_per_second: limits.sends_per_second,
        send_burst: limits.send_burst,
        friends: limits.friends,
        conversations: limits.conversations,
        group_members: limits.group_members,
        invite_batch: limits.invite_batch,
        sync_entries: limits.sync_entries,
        sync_bytes: limits.sync_bytes,
    }
}
