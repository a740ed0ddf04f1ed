//! The message that a change is about: found, seen by whoever wants to change it, and theirs or not.

use anser_contract::{
    EntryKind,
    v1::{Content, Entry, content::Kind},
};
use anser_engine::Reader;
use anser_types::{Code, ConversationId, Error, Result, Standing, Timestamp, UserId};

use crate::{
    Messaging,
    log::{Log, Stored},
    membership::{self, View},
};

/// Whoever wants to change a message, and where.
pub struct Asked {
    pub user: UserId,
    pub conversation: ConversationId,
    pub seq: i64,
    pub strangers: bool,
    pub log: Log,
}

/// A message that somebody may see, and how they stand to its conversation.
pub struct Target {
    pub stored: Stored,
    pub standing: Standing,
}

impl Asked {
    /// The shape of a request about a message.
    pub fn new(room: &Messaging, user: UserId, conversation: &[u8], seq: i64) -> Result<Self> {
        let conversation =
            ConversationId::try_from(conversation).map_err(|error| Error::field("conversation_id", error.detail))?;
        if seq < 1 {
            return Err(Error::field("seq", "1 or more"));
        }
        Ok(Self { user, conversation, seq, strangers: room.options.strangers, log: room.log.clone() })
    }

    /// Finds the message. What they may not see, and what is no message, does not exist.
    pub fn find(&self, reader: &Reader<'_>, now: Timestamp) -> Result<Target> {
        let (standing, _) = membership::standing_to_send(reader, self.conversation, self.user, self.strangers, now)?;
        let log = self.log.at(reader)?;
        let view = View::of(&log, self.conversation, self.user)?;
        let missing = || Error::not_found("message");
        if !view.shows(self.seq) {
            return Err(missing());
        }
        let stored = log.entries(self.conversation, self.seq, self.seq, 1, usize::MAX)?.pop().ok_or_else(missing)?;
        let is_message = stored.entry.content.as_ref().and_then(Content::entry_kind) == Some(EntryKind::Message);
        if !is_message {
            return Err(missing());
        }
        if stored.entry.is_expired() {
            return Err(expired());
        }
        Ok(Target { stored, standing })
    }
}

impl Target {
    /// The same, unless its words were recalled.
    pub fn standing_words(self) -> Result<Self> {
        if is_withdrawn(&self.stored.entry) {
            return Err(Error::new(Code::Gone, "this message was recalled"));
        }
        Ok(self)
    }

    /// Whether `user` wrote it.
    pub fn is_by(&self, user: UserId) -> bool {
        self.stored.entry.sender_id == user.as_bytes()
    }

    /// Whether it was sent no longer than `within_ms` before `now`; 0: that does not matter.
    pub fn ensure_recent(&self, within_ms: i64, now: Timestamp) -> Result<()> {
        if within_ms > 0 && now - self.stored.entry.server_ts > within_ms {
            return Err(Error::new(Code::Gone, "the time in which this could be done is over"));
        }
        Ok(())
    }
}

/// What is answered to whoever wants something of a message whose time is over.
pub fn expired() -> Error {
    Error::new(Code::Gone, "this message has expired")
}

/// Whether an entry's words were recalled.
pub fn is_withdrawn(entry: &Entry) -> bool {
    matches!(entry.content.as_ref().and_then(|content| content.kind.as_ref()), Some(Kind::Withdrawn(_)))
}
