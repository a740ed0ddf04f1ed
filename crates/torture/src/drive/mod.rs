//! The virtual people: real sockets, real HTTP, their own idea of the protocol.
//!
//! [`World`] is what all of them share, [`Person`] somebody with an account, [`device`] one of their two devices with
//! its socket and what it knows, [`social`] and [`joining`] what happens between people, `files` what they send and fetch beside words,
//! [`finale`] the last readers.

pub mod device;
mod dice;
mod files;
pub mod finale;
mod http;
mod joining;
mod knowledge;
mod person;
mod session;
pub mod social;
mod socket;
mod world;

pub use dice::Dice;
pub use http::{Answer, Http, persist};
pub use knowledge::Knowledge;
pub use person::{Login, Person};
pub use socket::{Encoding, Received, Socket};
pub use world::{Group, Habits, Phase, World};
