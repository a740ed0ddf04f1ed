//! Messages: a file per use case.

pub mod delete_for_me;
pub mod delivered;
pub mod edit;
pub mod expire;
pub mod forward;
pub mod heads;
pub mod history;
pub mod link;
pub mod pin;
pub mod prepare;
pub mod react;
pub mod read_cursor;
pub mod readers;
pub mod recall;
pub mod resume;
pub mod schedule;
pub mod send;
pub mod send_many;
pub mod send_scheduled;
pub mod store;
pub mod sync;
mod target;
pub mod targets;
pub mod tell_reactions;
pub mod throttle;
pub mod typing;
