//! The gateway: the only door for clients. HTTP and WebSocket in, calls of the services out.
//!
//! Here live: the listener ([`listener`]), the route table with its classes ([`routes`]), the HTTP API ([`http`]), the
//! WebSocket side ([`ws`]), the adapter for chat-room clients ([`chatroom`]), who a request comes from ([`identity`], [`forwarded`]), how often people may ask ([`rates`]),
//! and health ([`health`]).
//! Here does not live: any rule of the product, and any SQL. The gateway decides nothing that a service could decide.

pub mod chatroom;
mod follow;
pub mod forwarded;
mod frames;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod http;
mod hub;
pub mod identity;
mod link;
pub mod listener;
mod meters;
pub mod options;
pub mod problem;
pub mod rates;
mod receipts;
mod resume;
pub mod routes;
pub mod state;
pub mod sync_me;
mod tell;
mod transfers;
pub mod ws;

pub use health::Health;
pub use http::{MetricsText, router};
pub use listener::{Connection, ListenerOptions, serve};
pub use options::{GatewayOptions, GatewayServices};
pub use state::Gateway;
