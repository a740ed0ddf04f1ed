//! How a change of a conversation becomes an entry, and how those concerned hear of it.

use std::sync::Arc;

use anser_contract::v1::{Content, content::Kind};
use anser_engine::Tx;
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId};

use crate::{
    Messaging,
    effects::{Appended, Effect},
    fanout::Fanout,
    log::{self, Log, NewEntry},
    rooms::Rooms,
};

/// What a verb needs inside its closure to tell what it did. Time and ids are taken once, outside.
pub struct Notices {
    /// When the call is made.
    pub now: Timestamp,
    cmids: [MessageId; 2],
    /// The log, as it is after [`Notices::append`].
    pub log: Log,
    rooms: Arc<Rooms>,
    fanout: Fanout,
}

impl Notices {
    /// For one call: at most one append, of at most two entries.
    pub fn new(room: &Messaging) -> Self {
        Self {
            now: room.clock.now(),
            cmids: [MessageId::new(&room.clock), MessageId::new(&room.clock)],
            log: room.log.clone(),
            rooms: room.rooms.clone(),
            fanout: room.fanout.clone(),
        }
    }

    /// Appends what `actor` did and tells the members, `joined` and `left` among them. Answers the last entry's seq:
    /// the caller begins and ends the stays there.
    pub fn append(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Vec<Kind>,
        joined: Vec<UserId>,
        left: Vec<UserId>,
    ) -> Result<i64> {
        debug_assert!(what.len() <= self.cmids.len());
        self.rooms.forget(conversation);
        let mut head = self.log.at(tx)?.head(conversation)?;
        let mut last_position = log::last_position(tx)?;
        let entries = what.into_iter().zip(self.cmids);
        let entries = entries.map(|(kind, cmid)| NewEntry::notice(actor, cmid, Content { kind: Some(kind) })).collect();
        let entries = self.log.append(tx, conversation, &mut head, &mut last_position, entries, self.now)?;
        self.log.keep_index(tx)?;
        let appended = Appended { conversation, entries, last_position, joined, left, origins: Vec::new() };
        self.tell(tx, Effect::Appended(Arc::new(appended)));
        Ok(head.seq)
    }

    /// Makes the send lane look again how people stand to a conversation, where no entry says that it changed.
    pub fn forget(&self, conversation: ConversationId) {
        self.rooms.forget(conversation);
    }

    /// Tells something that is no entry.
    pub fn tell(&self, tx: &mut Tx<'_>, effect: Effect) {
        self.fanout.publish_after(tx, effect);
    }
}
