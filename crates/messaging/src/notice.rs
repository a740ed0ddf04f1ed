//! How what happens in a conversation, and what changes of a message, becomes an entry, and how those concerned hear of it.

use std::sync::Arc;

use anser_contract::v1::{Content, Entry, HistoryFor, content::Kind};
use anser_engine::Tx;
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId};

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
        self.store(tx, conversation, actor, what, Movement::default())
    }

    /// Appends that `target` changed, which is as it now stands.
    pub fn change(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Kind,
        target: Entry,
    ) -> Result<i64> {
        self.store(tx, conversation, actor, vec![what], Movement { target: Some(target), ..Movement::default() })
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
        self.store(tx, conversation, actor, what, Movement { joined, history, ..Movement::default() })
    }

    /// Appends that somebody went, and tells the members, them among them. Answers the last entry's seq: the caller ends
    /// their stay there.
    pub fn let_go(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Vec<Kind>,
        left: UserId,
    ) -> Result<i64> {
        self.store(tx, conversation, actor, what, Movement { left: vec![left], ..Movement::default() })
    }

    fn store(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        actor: UserId,
        what: Vec<Kind>,
        Movement { joined, history, left, target }: Movement,
    ) -> Result<i64> {
        debug_assert!(what.len() <= self.cmids.len());
        self.rooms.forget(conversation);
        let mut head = self.log.at(tx)?.head(conversation)?;
        let mut last_position = log::last_position(tx)?;
        let entries = what.into_iter().zip(self.cmids);
        let entries = entries.map(|(kind, cmid)| NewEntry::of(actor, cmid, Content::from(kind))).collect();
        let entries = self.log.append(tx, conversation, &mut head, &mut last_position, entries, self.now)?;
        self.log.keep_index(tx)?;
        let origins = Vec::new();
        let first_readable = first_readable(entries.first().map_or(head.seq, |entry| entry.seq), history);
        let targets = target.into_iter().collect();
        let appended =
            Appended { conversation, entries, targets, last_position, joined, first_readable, left, origins };
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

/// What an append does beside telling.
struct Movement {
    joined: Vec<UserId>,
    history: HistoryFor,
    left: Vec<UserId>,
    target: Option<Entry>,
}

impl Default for Movement {
    fn default() -> Self {
        Self { joined: Vec::new(), history: HistoryFor::Joining, left: Vec::new(), target: None }
    }
}

/// The first entry that somebody may read who came in by `joined_seq`.
pub fn first_readable(joined_seq: i64, history: HistoryFor) -> i64 {
    if history == HistoryFor::All { 1 } else { joined_seq }
}
