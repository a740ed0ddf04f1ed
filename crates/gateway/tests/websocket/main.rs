//! The WebSocket half over real sockets, with an independent client in front and services in memory behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod breaks;
mod client;
mod fakes;
mod life;
mod messages;
mod resume;
mod slow;
mod tls;
mod town;
