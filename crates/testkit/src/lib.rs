//! What tests stand on, and no product code does.
//!
//! Here live: [`Disk`], which stands between SQLite and the file system, records what was written and synced in one
//! order with what the test notes, fails where it is told, and shows what a power cut would have left. Here does not
//! live: anything of a server or a client.

mod disk;
mod image;
mod vfs;

pub use disk::{Disk, Event, Fault, FaultKind, On};
pub use image::{Image, Unsynced};
