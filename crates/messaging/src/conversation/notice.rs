//! How a change of a conversation becomes an entry, and how those concerned hear of it.

use std::sync::Arc;

use anser_contract::v1::{Content, HistoryFor, content::Kind};
use anser_engine::Tx;
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId};

use super::guests;
use crate::{
    Messaging,
    effects::{Appended, Effect},
    fanout::Fanout,
    log::{self, Log, NewEntry},
    rooms::Rooms,
};

/// How many entries one call may append.
const MOST: usize = 4;

/// What a verb needs inside its closure to tell what it did. Time and ids are taken once, outside.
pub struct Notices {
    /// When the call is made.
    pub now: Timestamp,
    cmids: [MessageId; MOST],
    /// The log, as it is after [`Notices::append`].
    pub log: Log,
    rooms: Arc<Rooms>,
    fanout: Fanout,
}

impl Notices {
    /// For one call: at most one append, of at most [`MOST`] entries.
    pub fn new(room: &Messaging) -> Self {
        Self {
            now: room.clock.now(),
            cmids: std::array::from_fn(|_| MessageId::new(&room.clock)),
            log: room.log.clone(),
            rooms: room.rooms.clone(),
            fanout: room.fanout.clone(),
        }
    }

    /// Appends what `actor` did and tells the members.
    pub fn append(&self, tx: &mut Tx<'_>, conversation: ConversationId, actor: UserId, what: Vec<Kind>) -> Result<i64> {
        self.store(tx, conversation, actor, what, (Vec::new(), HistoryFor::Joining), Vec::new())
    }

    /// Appends that people came in, and tells the members, them among them. Answers the last entry's seq: the caller
    /// begins their stays there.
    pub fn let_in(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Vec<Kind>,
        joined: Vec<UserId>,
        history: HistoryFor,
    ) -> Result<i64> {
        self.store(tx, conversation, actor, what, (joined, history), Vec::new())
    }

    /// Appends that somebody went, and tells the members, them among them. Answers the entry's seq: the caller ends their
    /// stay there.
    pub fn let_go(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Kind,
        left: UserId,
    ) -> Result<i64> {
        self.store(tx, conversation, actor, vec![what], (Vec::new(), HistoryFor::Joining), vec![left])
    }

    fn store(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Vec<Kind>,
        (joined, history): (Vec<UserId>, HistoryFor),
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
        let origins = Vec::new();
        let first_readable = guests::first_readable(entries.first().map_or(head.seq, |entry| entry.seq), history);
        let appended = Appended { conversation, entries, last_position, joined, first_readable, left, origins };
        self.tell(tx, Effect::Appended(Arc::new(appended)));
        Ok(head.seq)
    }

    /// Tells something that is no entry.
    pub fn tell(&self, tx: &mut Tx<'_>, effect: Effect) {
        self.fanout.publish_after(tx, effect);
    }
}
