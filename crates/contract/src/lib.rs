//! The contract between services, generated from `proto/anser/v1`, and the wire format of chat-room clients, generated
//! from `proto/chatroom`.
//!
//! For each service there is a plain async trait (`request → Result<Reply, Error>`), an adapter that serves any
//! implementation over gRPC (`Serve…`) and one that calls a remote implementation as that trait (`Remote…`). Callers
//! hold `Arc<dyn Trait>` and cannot tell which; wiring decides. Every call carries a [`Context`].
//!
//! Here does not live: any rule of the product.

mod context;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod json;
mod model;
mod problem;
pub mod remote;

use std::pin::Pin;

pub use context::{Actor, Context};
pub use model::{EntryKind, fallback_text};
pub use remote::{MAX_MESSAGE_BYTES, Peer, PeerSecret};

/// A bounded stream of messages, as streaming calls take and give.
pub type Streaming<T> = Pin<Box<dyn futures_util::Stream<Item = anser_types::Result<T>> + Send>>;

/// Messages, services and adapters of `anser.v1`.
#[expect(missing_docs, clippy::all, unused_qualifications, reason = "generated; the .proto files are the documentation")]
#[rustfmt::skip]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/anser.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}

/// The messages of chat-room clients.
#[expect(missing_docs, reason = "generated; the .proto file and docs/chatroom.md are the documentation")]
#[rustfmt::skip]
pub mod chatroom {
    include!(concat!(env!("OUT_DIR"), "/chatroom.rs"));
}
