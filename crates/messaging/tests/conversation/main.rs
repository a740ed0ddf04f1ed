//! Conversations and who is in them, through the service as the gateway holds it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod attachments;
mod changes;
mod delivered;
mod expiring;
mod files;
mod groups;
mod house;
mod joining;
mod journal;
mod lists;
mod paging;
mod pairs;
mod reading;
mod resuming;
mod rules;
mod scheduled;
mod settings;
mod visibility;
