//! The chat-room adapter as its clients meet it: a real listener, requests and frames put together by hand from the
//! protocol's tables, and services that keep everything in memory.
#![expect(clippy::unwrap_used, reason = "a panic is how tests and their helpers fail")]

mod calls;
mod client;
mod pushes;
mod world;
