//! Writing to the log. The caller holds the transaction, has authorised, and knows the head.

use anser_contract::v1::{Content, Entry};
use anser_engine::{Tx, Value};
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId, plant::planted};
use prost::Message as _;

use super::{Head, Kind, checksum};

/// An entry that is about to be written.
pub struct NewEntry {
    /// Who wrote it, or did what it tells of.
    pub sender: UserId,
    /// The client's id of it; a fresh one for notices.
    pub cmid: MessageId,
    /// Message or notice.
    pub kind: Kind,
    /// What it says.
    pub content: Content,
    /// `content`, encoded.
    pub body: Vec<u8>,
}

impl NewEntry {
    /// A notice: what `sender` did.
    pub fn notice(sender: UserId, cmid: MessageId, content: Content) -> Self {
        let body = content.encode_to_vec();
        Self { sender, cmid, kind: Kind::Notice, content, body }
    }
}

/// Appends `new` to `conversation` right after `head`, at the journal's next positions, and moves `head`. One call is
/// one extent. Answers the entries as readers will get them.
///
/// `last_position` is the journal's end; the caller has it from [`super::last_position`] and carries it over several
/// conversations of one commit.
pub fn append(
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
    for entry in new {
        head.seq += 1;
        *last_position += 1;
        head.countable += i64::from(entry.kind == Kind::Message);
        let sum = checksum(conversation, head.seq, entry.sender, entry.cmid, at, 1, &entry.body);
        tx.exec(
            "INSERT INTO messaging_entry
             (position, conversation, seq, sender, cmid, at, kind, version, countable_no, checksum, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
            &[
                Value::from(*last_position),
                (&conversation).into(),
                head.seq.into(),
                (&entry.sender).into(),
                (&entry.cmid).into(),
                at.into(),
                (entry.kind as i32).into(),
                head.countable.into(),
                sum.into(),
                (&entry.body).into(),
            ],
        )?;
        entries.push(to_entry(conversation, head.seq, &entry, at));
    }
    if planted("seq_reused") {
        let taken = [Value::from(&conversation), first_seq.into()];
        tx.exec("DELETE FROM messaging_extent WHERE conversation = ? AND first_seq = ?", &taken)?;
    }
    head.position = *last_position;
    head.at = at;
    tx.exec(
        "INSERT INTO messaging_extent (conversation, first_seq, first_position, entries, countable, last_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        &[
            (&conversation).into(),
            first_seq.into(),
            first_position.into(),
            count.into(),
            head.countable.into(),
            at.into(),
        ],
    )?;
    Ok(entries)
}

fn to_entry(conversation: ConversationId, seq: i64, new: &NewEntry, at: Timestamp) -> Entry {
    Entry {
        conversation_id: conversation.to_vec(),
        seq,
        sender_id: new.sender.to_vec(),
        client_msg_id: new.cmid.to_vec(),
        server_ts: at,
        version: 1,
        countable: new.kind == Kind::Message,
        fallback_text: anser_contract::fallback_text(&new.content),
        content: Some(new.content.clone()),
    }
}
