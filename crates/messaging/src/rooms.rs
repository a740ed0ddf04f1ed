//! What the writer remembers of the conversations that are being talked in: their heads and who may send.
//!
//! Used by the send lane only, on the writer's thread, with one exception: whatever changes a conversation outside the
//! lane calls [`Rooms::forget`] inside its transaction. Forgetting too much costs a look at the disk; nothing here has
//! to agree with it. A room that a lost transaction had taken is simply not put back.

use std::collections::HashMap;

use anser_types::{ConversationId, Standing, Timestamp, UserId};
use parking_lot::Mutex;

use crate::log::Head;

/// How many conversations are remembered; beyond it all are forgotten at once.
const ROOMS: usize = 100_000;
/// How many senders of one conversation are remembered.
const SENDERS: usize = 1_024;

/// The memory of the send lane.
#[derive(Default)]
pub struct Rooms(Mutex<HashMap<ConversationId, Room>>);

/// One conversation as the lane knows it.
#[derive(Clone, Default)]
pub struct Room {
    /// Where its log ends.
    pub head: Head,
    /// How recent senders stand to it, and until when that holds: being muted ends by itself.
    pub senders: HashMap<UserId, (Standing, Timestamp)>,
}

impl Rooms {
    /// Takes a conversation out, to work on it.
    pub fn take(&self, conversation: ConversationId) -> Option<Room> {
        self.0.lock().remove(&conversation)
    }

    /// Puts a conversation back after its transaction was committed.
    pub fn put(&self, conversation: ConversationId, mut room: Room) {
        let mut rooms = self.0.lock();
        if rooms.len() >= ROOMS {
            rooms.clear();
        }
        if room.senders.len() > SENDERS {
            room.senders.clear();
        }
        rooms.insert(conversation, room);
    }

    /// Forgets a conversation that something else is changing.
    pub fn forget(&self, conversation: ConversationId) {
        self.0.lock().remove(&conversation);
    }
}
