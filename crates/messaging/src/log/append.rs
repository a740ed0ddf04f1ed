//! Writing to the log. The caller holds the transaction, has authorised, and knows the head.

use anser_contract::{
    EntryKind,
    v1::{Content, Entry},
};
use anser_engine::{Tx, Value};
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId};
use prost::Message as _;

use super::{Extent, Head, Log, checksum, index::note, recent::Own};

/// An entry that is about to be written.
pub struct NewEntry {
    /// Who wrote it, or did what it tells of.
    pub sender: UserId,
    /// The client's id of it; a fresh one for notices.
    pub cmid: MessageId,
    /// What it says.
    pub content: Content,
    /// `content`, encoded.
    pub body: Vec<u8>,
}

impl NewEntry {
    /// What `sender` did: a notice or a change.
    pub fn of(sender: UserId, cmid: MessageId, content: Content) -> Self {
        let body = content.encode_to_vec();
        Self { sender, cmid, content, body }
    }

    fn kind(&self) -> EntryKind {
        self.content.entry_kind().unwrap_or(EntryKind::Notice)
    }

    /// As readers get it.
    fn at_its_place(self, conversation: ConversationId, seq: i64, at: Timestamp) -> Entry {
        Entry {
            conversation_id: conversation.to_vec(),
            seq,
            sender_id: self.sender.to_vec(),
            client_msg_id: self.cmid.to_vec(),
            server_ts: at,
            version: 1,
            countable: self.kind() == EntryKind::Message,
            fallback_text: anser_contract::fallback_text(&self.content),
            content: Some(self.content.sent_at(at)),
            ..Entry::default()
        }
    }
}

impl Log {
    /// Appends `new` to `conversation` right after `head`, at the journal's next positions, and moves `head`. One call
    /// is one extent. Answers the entries as readers will get them. [`Log::keep_index`] follows in the same transaction.
    ///
    /// `last_position` is the journal's end; the caller has it from [`super::last_position`] and carries it over
    /// several conversations of one commit.
    pub fn append(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        head: &mut Head,
        last_position: &mut i64,
        new: Vec<NewEntry>,
        now: Timestamp,
    ) -> Result<Vec<Entry>> {
        let at = now.max(head.at);
        let (first_seq, first_position, count) = (head.seq + 1, *last_position + 1, new.len() as i64);
        let mut entries = Vec::with_capacity(new.len());
        let mut own: Vec<(UserId, Own)> = Vec::new();
        for entry in new {
            head.seq += 1;
            *last_position += 1;
            if entry.kind() == EntryKind::Message {
                head.countable += 1;
                note(&mut own, entry.sender, (head.seq, *last_position));
            }
            insert_entry(tx, conversation, head, *last_position, &entry, at)?;
            entries.push(entry.at_its_place(conversation, head.seq, at));
        }
        head.position = *last_position;
        head.at = at;
        let extent = Extent { first_seq, first_position, entries: count, countable: head.countable, last_at: at };
        self.put(conversation, extent, &own);
        Ok(entries)
    }
}

fn insert_entry(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    head: &Head,
    position: i64,
    entry: &NewEntry,
    at: Timestamp,
) -> Result<()> {
    let sum = checksum(conversation, head.seq, entry.sender, entry.cmid, at, 1, &entry.body);
    tx.exec(
        "INSERT INTO messaging_entry
         (position, conversation, seq, sender, cmid, at, kind, version, countable_no, checksum, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
        &[
            Value::from(position),
            (&conversation).into(),
            head.seq.into(),
            (&entry.sender).into(),
            (&entry.cmid).into(),
            at.into(),
            (entry.kind() as i32).into(),
            head.countable.into(),
            sum.into(),
            (&entry.body).into(),
        ],
    )?;
    Ok(())
}
