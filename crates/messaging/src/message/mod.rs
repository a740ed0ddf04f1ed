//! Messages: a file per use case.

pub mod heads;
pub mod history;
pub mod link;
pub mod prepare;
pub mod read_cursor;
pub mod resume;
pub mod send;
pub mod send_many;
pub mod store;
pub mod sync;
pub mod throttle;
pub mod typing;
