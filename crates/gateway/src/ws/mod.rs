//! The WebSocket half: `GET /v1/ws` becomes a connection that lives as long as its session.
//!
//! A connection's way: [`handshake`] → [`greet`] (first frame, who is there, what was missed) → [`session`] (reads,
//! writes). Requests go through [`dispatch`]; what goes out through [`writer`], when [`pacer`] says. [`codec`] knows
//! frames and nothing else; [`sweeper`] is the one clock of all connections.
//! Here does not live: who is connected ([`crate::hub`]) and the way to messaging ([`crate::link`]).

pub(crate) mod close;
pub mod codec;
mod dispatch;
#[cfg(feature = "echo")]
pub mod echo;
mod flight;
mod greet;
pub(crate) mod handshake;
pub(crate) mod outbox;
pub(crate) mod pacer;
mod session;
pub(crate) mod socket;
pub(crate) mod stream;
pub(crate) mod sweeper;
mod writer;

use std::sync::Arc;

use anser_types::Error;
use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::header::SEC_WEBSOCKET_VERSION;

use crate::{listener, problem::Refusal, state::Gateway};
use handshake::Handshake;
use stream::WireStream;

/// `GET /v1/ws`: turns the request into a WebSocket.
pub async fn upgrade(State(gateway): State<Arc<Gateway>>, mut request: Request) -> Response {
    let handshake = match Handshake::check(&request, &gateway.options.allowed_origins) {
        Ok(handshake) => handshake,
        Err(error) => {
            let mut response = Refusal::from(error).into_response();
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, http::HeaderValue::from_static("13"));
            return response;
        }
    };
    if let Err(error) = gateway.admit() {
        gateway.meters.refused.increment(1);
        return Refusal::from(error).into_response();
    }
    let place = request.extensions().get::<listener::Connection>().map(listener::Connection::place);
    let upgrade = hyper::upgrade::on(&mut request);
    let (state, encoding) = (gateway.clone(), handshake.encoding);
    gateway.tasks.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let (stream, read) = WireStream::take(upgraded);
            let tasks = state.tasks.clone();
            // A task of its own, so that what lives on is small: greeting needs much more than being connected.
            if let Some(connection) = greet::greet(state, stream, read, encoding, place).await {
                tasks.spawn(connection);
            }
        }
    });
    handshake.response::<Body>()
}

/// Why a handshake is turned away for now; clients come back at different times.
pub(crate) fn later(detail: &'static str) -> Error {
    Error::unavailable(detail).retry_after(500 + u64::from(rand::random::<u16>() % 2_000))
}
