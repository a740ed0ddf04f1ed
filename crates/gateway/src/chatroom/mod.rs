//! The chat-room adapter: the clients of an older system (protobuf in HTTP bodies, pushes over a WebSocket) speak to the
//! same services, as the same people, with the same rights. docs/chatroom.md is the protocol.
//!
//! A call's way: [`table`] (its row) → [`door`] (body, session, how often) → a verb in the file of its subject → the
//! services → the answer, always with status 200. What refusals are called is in [`words`]. A WebSocket's: [`socket`] (its
//! first frame, its life) and [`push`] (what of the gateway's events these clients are told).
//! Here does not live: any rule of the product. What the adapter checks by itself is the protocol's own shape: the
//! length of names and passwords, the form of numbers and ids.

mod accounts;
mod call;
mod conversations;
mod doings;
mod door;
mod faces;
mod files;
mod friends;
mod history;
mod people;
mod profile;
mod push;
mod render;
mod send;
mod socket;
mod speech;
mod table;
pub(crate) mod wire;
mod words;

use std::sync::Arc;

use axum::Router;
use tokio::sync::Semaphore;

use crate::state::Gateway;
use doings::Doings;
use faces::Faces;

/// How many bytes of large bodies may be in memory at a time; beyond that calls with media are refused for a moment.
const LARGE_BYTES: usize = 256 << 20;

/// What all calls and sockets of the adapter share.
pub(crate) struct Room {
    gateway: Arc<Gateway>,
    faces: Faces,
    doings: Doings,
    /// Room for large bodies, in [`door::UNIT`]s.
    large: Arc<Semaphore>,
}

/// The adapter in front of `gateway`'s services: calls, and WebSockets at any path.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let large = Arc::new(Semaphore::new(LARGE_BYTES / door::UNIT));
    let (faces, doings) = (Faces::default(), Doings::default());
    table::router().with_state(Arc::new(Room { gateway, faces, doings, large }))
}
