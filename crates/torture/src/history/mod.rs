//! The history of a run: one file, one line of JSON for each thing that happened, in the order in which it happened.
//!
//! Frames stand in it as they came from the socket, before anybody looked at them. [`line`] is the format,
//! [`Recorder`] writes it; the checker in [`check`](crate::check) reads it and nothing else.

pub mod line;
mod recorder;

pub use line::{Line, Raw, What};
pub use recorder::Recorder;
