//! The Rust client of Anser: HTTP ([`Client`]), WebSocket ([`Socket`]), a connection that comes back by itself
//! ([`Connection`]), and a terminal chat over them ([`chat`]).
//!
//! The messages are those of the contract, so that a client and the server cannot drift apart; everything else here is
//! written from the protocol's side and knows no service. [`RawSocket`] speaks single frames, right or wrong ones, for
//! whoever wants to test a server or write a load generator.
//!
//! Here does not live: TLS (put a proxy in front), a store of messages.

pub mod chat;
pub mod connection;
mod error;
pub mod http;
pub mod order;
pub mod socket;

pub use anser_contract::v1;
pub use connection::{Connection, Notice};
pub use error::{Closed, Error, Result};
pub use http::{Answer, Client, Page};
pub use order::{Order, Place};
pub use socket::{AckMode, Encoding, Frame, Hello, Incoming, RawSocket, Socket, SocketOptions};
