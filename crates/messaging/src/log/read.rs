//! Reading the log: by seq, by position, by time. Visibility is the caller's business.

use std::ops::Deref;

use anser_contract::{
    EntryKind,
    v1::{Content, Entry, Expired, Reaction, content::Kind},
};
use anser_engine::{Reader, Row, Value};
use anser_types::{ConversationId, Error, MessageId, Result, Timestamp, UserId};
use prost::Message as _;

use super::{Extent, Head, Log};

const COLUMNS: &str = "position, conversation, seq, sender, cmid, at, kind, version, body, edited_at";

/// An entry as it stands in the journal.
pub struct Stored {
    /// Where in the journal.
    pub position: i64,
    /// The size of its body in bytes.
    pub bytes: usize,
    /// What readers get.
    pub entry: Entry,
}

/// The journal's end; 0 if it is empty.
pub fn last_position(reader: &Reader<'_>) -> Result<i64> {
    reader.number("SELECT MAX(position) FROM messaging_entry", &[])
}

/// The log as one question or transaction sees it: its own snapshot of the tables, and of what is in memory as much as
/// that snapshot's journal has. Where the transaction appends, a new one sees that.
pub struct Snapshot<'r> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) log: &'r Log,
    /// The journal's end.
    pub(super) end: i64,
    /// How far the tables name the journal.
    pub(super) indexed: i64,
}

impl<'r> Deref for Snapshot<'r> {
    type Target = Reader<'r>;

    fn deref(&self) -> &Self::Target {
        self.reader
    }
}

impl Snapshot<'_> {
    /// Where `conversation` ends.
    pub fn head(&self, conversation: ConversationId) -> Result<Head> {
        let extent = self.extent_of(conversation, i64::MAX)?;
        Ok(extent.map_or_else(Head::default, |extent| Head {
            seq: extent.last_seq(),
            position: extent.last_position(),
            countable: extent.countable,
            at: extent.last_at,
        }))
    }

    /// The extent that holds `seq`, or the last one before it.
    pub fn extent_of(&self, conversation: ConversationId, seq: i64) -> Result<Option<Extent>> {
        let recent = self.log.recent(self.indexed, |recent| recent.extent_of(conversation, seq, self.end))?;
        if recent.is_some() {
            return Ok(recent);
        }
        self.reader.row(
            "SELECT first_seq, first_position, entries, countable, last_at FROM messaging_extent
             WHERE conversation = ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1",
            &[(&conversation).into(), seq.into()],
            Extent::from_row,
        )
    }

    /// How many of the entries 1…`seq` are countable; `seq` beyond the head counts as the head.
    pub fn countable_upto(&self, conversation: ConversationId, seq: i64) -> Result<i64> {
        if seq <= 0 {
            return Ok(0);
        }
        let Some(extent) = self.extent_of(conversation, seq)? else { return Ok(0) };
        if seq >= extent.last_seq() {
            return Ok(extent.countable);
        }
        self.reader
            .number("SELECT countable_no FROM messaging_entry WHERE position = ?", &[extent.position_of(seq).into()])
    }

    /// Entries `from..=to` of `conversation` in seq order, at most `limit` of them and, after the first, at most
    /// `max_bytes` of bodies. Both ends must lie within the log.
    pub fn entries(
        &self,
        conversation: ConversationId,
        from: i64,
        to: i64,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>> {
        let mut out: Vec<Stored> = Vec::new();
        let (mut seq, mut bytes) = (from, 0);
        let to = to.min(from.saturating_add(limit as i64 - 1));
        for extent in self.extents(conversation, from, to)? {
            let last = extent.last_seq().min(to);
            if seq < extent.first_seq || last < seq {
                continue;
            }
            for stored in self.at_positions(extent.position_of(seq), extent.position_of(last))? {
                bytes += stored.bytes;
                if bytes > max_bytes && !out.is_empty() {
                    return self.with_reactions(conversation, out);
                }
                seq = stored.entry.seq + 1;
                out.push(stored);
            }
        }
        self.with_reactions(conversation, out)
    }

    /// `stored`, in seq order, with the reactions that people were told of.
    fn with_reactions(&self, conversation: ConversationId, mut stored: Vec<Stored>) -> Result<Vec<Stored>> {
        let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(stored) };
        let (first, last) = (first.entry.seq, last.entry.seq);
        self.reader.rows(
            "SELECT seq, emoji, count FROM messaging_reaction_count
             WHERE conversation = ? AND seq >= ? AND seq <= ? ORDER BY seq, emoji",
            &[(&conversation).into(), first.into(), last.into()],
            |row| {
                let seq = row.int(0)?;
                if let Ok(index) = stored.binary_search_by_key(&seq, |stored| stored.entry.seq) {
                    let emoji = String::from_utf8_lossy(row.bytes(1)?).into_owned();
                    let entry = &mut stored[index].entry;
                    if entry.is_expired() {
                        return Ok(());
                    }
                    entry.reactions.push(Reaction { emoji, count: row.int(2)? as u32 });
                }
                Ok(())
            },
        )?;
        Ok(stored)
    }

    /// The extents with entries in `from..=to`, and perhaps one before them.
    fn extents(&self, conversation: ConversationId, from: i64, to: i64) -> Result<Vec<Extent>> {
        let recent = self.log.recent(self.indexed, |recent| recent.extents(conversation, from, to, self.end))?;
        let to = recent.first().map_or(to, |first| to.min(first.first_seq - 1));
        if to < from {
            return Ok(recent);
        }
        let mut extents = self.reader.rows(
            "SELECT first_seq, first_position, entries, countable, last_at FROM messaging_extent
             WHERE conversation = ?1 AND first_seq <= ?3 AND first_seq >= COALESCE(
                 (SELECT MAX(first_seq) FROM messaging_extent WHERE conversation = ?1 AND first_seq <= ?2), ?2)
             ORDER BY first_seq",
            &[(&conversation).into(), from.into(), to.into()],
            Extent::from_row,
        )?;
        extents.extend(recent);
        Ok(extents)
    }

    /// The last message that `user` sent to `conversation`, its seq and position, where it is not in the tables yet.
    pub fn last_own(&self, conversation: ConversationId, user: UserId) -> Result<Option<(i64, i64)>> {
        self.log.recent(self.indexed, |recent| recent.last_own(conversation, user, self.end))
    }

    /// Where the journal ends.
    pub fn last_position(&self) -> i64 {
        self.end
    }

    /// The entry with `seq`, if the log reaches that far.
    pub fn entry_at(&self, conversation: ConversationId, seq: i64) -> Result<Option<Stored>> {
        match self.extent_of(conversation, seq)? {
            Some(extent) if seq <= extent.last_seq() && seq >= extent.first_seq => {
                let position = extent.position_of(seq);
                Ok(self.at_positions(position, position)?.pop())
            }
            _ => Ok(None),
        }
    }

    /// The entry with `seq` as it stands on its row, even if its time is over: for whoever takes the words off.
    pub fn words_at(&self, conversation: ConversationId, seq: i64) -> Result<Option<Stored>> {
        match self.extent_of(conversation, seq)? {
            Some(extent) if seq <= extent.last_seq() && seq >= extent.first_seq => {
                let sql = format!("SELECT {COLUMNS} FROM messaging_entry WHERE position = ?");
                self.reader.row(&sql, &[extent.position_of(seq).into()], stored_from_row)
            }
            _ => Ok(None),
        }
    }

    fn at_positions(&self, first: i64, last: i64) -> Result<Vec<Stored>> {
        self.reader.rows(
            "SELECT position, conversation, seq, sender, cmid, at, kind, version, body, edited_at
             FROM messaging_entry WHERE position >= ? AND position <= ? ORDER BY position",
            &[first.into(), last.into()],
            |row| Ok(self.without_expired(stored_from_row(row)?)),
        )
    }

    /// Journal entries after `position`, of all conversations, at most `limit`.
    pub fn stored_since(&self, position: i64, limit: i64) -> Result<Vec<Stored>> {
        let sql = format!("SELECT {COLUMNS} FROM messaging_entry WHERE position > ? ORDER BY position LIMIT ?");
        self.reader.rows(&sql, &[position.into(), limit.into()], |row| Ok(self.without_expired(stored_from_row(row)?)))
    }

    /// What readers get once the time of the words is over, which they are not made to wait for: the place alone.
    fn without_expired(&self, mut stored: Stored) -> Stored {
        let entry = &mut stored.entry;
        let expiring = entry.content.as_ref().filter(|content| content.expiring.is_some());
        if expiring.is_some_and(|content| content.is_over(entry.server_ts, self.log.clock().now())) {
            let nothing = Content::from(Kind::Expired(Expired {}));
            entry.countable = false;
            entry.fallback_text = anser_contract::fallback_text(&nothing);
            entry.content = Some(nothing);
        }
        stored
    }

    /// The first seq in `from..=to` whose server_ts is at least `at`; `to + 1` if there is none. server_ts never falls
    /// within a conversation, so halving finds it.
    pub fn seq_at_time(&self, conversation: ConversationId, from: i64, to: i64, at: Timestamp) -> Result<i64> {
        let (mut low, mut high) = (from, to + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let reached = self.entry_at(conversation, middle)?.is_some_and(|stored| stored.entry.server_ts >= at);
            if reached { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }

    /// The first seq of `conversation` whose position is after `position`; head + 1 if there is none. Positions rise with
    /// seqs, so halving over the extents finds it.
    pub fn first_seq_after(&self, conversation: ConversationId, position: i64) -> Result<i64> {
        let (mut low, mut high) = (1, self.head(conversation)?.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let extent = self.extent_of(conversation, middle)?;
            let after = extent.is_some_and(|extent| extent.position_of(middle) > position);
            if after { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }
}

/// What an earlier send with this key stored: its position and payload hash.
pub fn find_key(
    reader: &Reader<'_>,
    conversation: ConversationId,
    sender: UserId,
    cmid: MessageId,
) -> Result<Option<(i64, Vec<u8>)>> {
    reader.row(
        "SELECT position, payload_hash FROM messaging_key WHERE cmid = ? AND conversation = ? AND sender = ?",
        &[Value::from(&cmid), (&conversation).into(), (&sender).into()],
        |row| Ok((row.int(0)?, row.blob(1)?)),
    )
}

fn stored_from_row(row: &Row<'_>) -> Result<Stored> {
    let body = row.bytes(8)?;
    let content = Content::decode(body).map_err(|_| Error::internal("an entry's body cannot be read"))?;
    Ok(Stored {
        position: row.int(0)?,
        bytes: body.len(),
        entry: Entry {
            conversation_id: row.blob(1)?,
            seq: row.int(2)?,
            sender_id: row.blob(3)?,
            client_msg_id: row.blob(4)?,
            server_ts: row.int(5)?,
            version: row.int(7)? as u32,
            countable: row.int(6)? == EntryKind::Message as i64
                && !matches!(content.kind, Some(Kind::Withdrawn(_) | Kind::Expired(_))),
            fallback_text: anser_contract::fallback_text(&content),
            content: Some(content.sent_at(row.int(5)?)),
            edited_at: row.int(9)?,
            reactions: Vec::new(),
        },
    })
}
