//! The client protocol, written a second time from its documents: nothing here comes from the server's contract, so
//! that a mistake there cannot hide itself here.
//!
//! A frame is a JSON value in both encodings; [`shape`] turns protobuf bytes into that value and back. [`frame`] has
//! the few structs that clients and checker read it with.

mod base32;
mod content;
pub mod frame;
mod protobuf;
pub mod shape;

pub use base32::{id_text, new_id};
pub use content::{Change, Changed, Content, Mentions};
pub use protobuf::{decode, encode};
