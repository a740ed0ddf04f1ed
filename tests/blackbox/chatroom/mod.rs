//! Clients of the chat-room protocol, against the real binary: each of its calls and pushes, with success and with each
//! refusal that somebody can bring about; beside clients of ours; and a client's whole day in the order in which it calls.
//!
//! The client writes bytes by the numbers of docs/chatroom.md and shares nothing with the server.

mod accounts;
mod bridges;
#[path = "../../../crates/gateway/tests/chatroom/client.rs"]
mod client;
mod conversations;
mod door;
mod friends;
mod history;
mod limits;
mod media;
mod messages;
mod profile;
mod pushes;
mod replay;
mod sessions;
mod speech;
mod town;
