//! Who is online, and when they last were. Who may see it, contact knows; who wants to be told, the fan-out.

mod list_online;
mod note_seen;
mod seen;

pub use list_online::list_online;
pub use note_seen::{note_everybody, start};
pub use seen::Seen;
