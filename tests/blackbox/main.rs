//! The black-box suite: what people and their devices see of a real server. A file for each subject.
//!
//! Every error code that this version can answer is met in some test here, except `internal` (a fault of ours) and
//! `file_store_unavailable` (a disk that fails). What happens on a disk that is really full is in `tests/durability`.

#![allow(clippy::unwrap_used, reason = "this is test code: a panic is how it fails")]

mod accounts;
mod admin;
mod attachments;
mod authorisation;
mod backup;
mod binary;
mod blocks;
mod changes;
mod chat;
mod chatroom;
mod closed_accounts;
mod conversations;
mod crashes;
mod delivered;
mod drain;
mod expiring;
mod files;
mod files_hostile;
mod frames;
mod friend_notes;
mod friends;
mod group_rules;
mod groups;
mod hostile;
mod http_api;
mod limits;
mod many_devices;
mod messages;
mod overflow;
mod people_search;
mod phones;
mod presence;
mod profiles;
mod protocol;
mod read_state;
mod restart;
mod resume;
mod scheduled;
mod search;
mod sessions;
mod settings;
mod sockets;
mod speech;
mod split;
mod stranger;
mod sync;
mod typing;
mod words;
