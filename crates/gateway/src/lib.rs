//! The edge for people: HTTP and WebSocket in front of the services.

pub mod identity;
pub mod options;
pub mod state;
pub mod sync_me;
pub mod ws;

pub use options::{GatewayOptions, GatewayServices};
pub use state::Gateway;
