//! The walk through the log: conversation by conversation in the order of their ids, entry by entry.

use anser_engine::{Reader, Row};
use anser_types::{ConversationId, Error, FileId, MessageId, Result, Timestamp, UserId};

use super::{Mismatch, members};
use crate::{
    log::{self, Snapshot},
    message::store,
};
use anser_contract::{
    EntryKind,
    v1::{Content, VerifyAt},
};
use prost::Message as _;

/// Where the auditor stands.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The conversation it is in, or the last one it was through with.
    conversation: ConversationId,
    stage: Stage,
    tally: Tally,
}

/// How many of the journal's entries up to a position were met: at the end it should be all of them.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    through: i64,
    met: i64,
}

#[derive(Clone, Debug, Default)]
enum Stage {
    /// Through with it: on to the next.
    #[default]
    Done,
    /// Up to and with this entry all is checked.
    Entries(Last),
    /// Up to and with this person all is checked.
    Members(Option<UserId>),
}

/// The entry that was checked last; all zero: none.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    seq: i64,
    position: i64,
    at: Timestamp,
    countable: i64,
}

impl Walk {
    /// Whether the next step begins with the first conversation.
    pub fn at_start(&self) -> bool {
        self.conversation == ConversationId::default() && matches!(self.stage, Stage::Done)
    }

    /// A walk through `conversation` alone.
    pub fn of(conversation: ConversationId) -> Self {
        Self { conversation, stage: Stage::Entries(Last::default()), tally: Tally::default() }
    }

    /// A walk through all that counts the entries up to `through`.
    pub fn counting(through: i64) -> Self {
        Self { tally: Tally { through, met: 0 }, ..Self::default() }
    }

    /// Entries up to and with this position that no conversation has, if it is through with all.
    pub fn missed(&self) -> i64 {
        self.tally.through - self.tally.met
    }

    /// Whether it is between two conversations.
    pub fn between(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Where it stands, for whoever keeps that elsewhere.
    pub fn to_message(&self) -> VerifyAt {
        let mut at = VerifyAt {
            conversation_id: self.conversation.to_vec(),
            through: self.tally.through,
            counted: self.tally.met,
            ..VerifyAt::default()
        };
        match &self.stage {
            Stage::Done => {}
            Stage::Entries(last) => {
                at.stage = 1;
                (at.seq, at.position, at.at, at.countable) = (last.seq, last.position, last.at, last.countable);
            }
            Stage::Members(after) => {
                at.stage = 2;
                at.after_user = after.map(UserId::to_vec).unwrap_or_default();
            }
        }
        at
    }

    /// The walk that stands there.
    pub fn from_message(at: &VerifyAt) -> Result<Self> {
        let stage = match (at.stage, &at.after_user[..]) {
            (0, _) => Stage::Done,
            (1, _) => Stage::Entries(Last { seq: at.seq, position: at.position, at: at.at, countable: at.countable }),
            (2, []) => Stage::Members(None),
            (2, user) => Stage::Members(Some(UserId::try_from(user)?)),
            _ => return Err(Error::field("next", "no check stands there")),
        };
        let conversation = ConversationId::try_from(&at.conversation_id[..])?;
        Ok(Self { conversation, stage, tally: Tally { through: at.through, met: at.counted } })
    }

    /// One step of about `rows` rows at most: a part of a log, or of its members. Answers how many rows it took.
    pub fn step(&mut self, log: &Snapshot<'_>, rows: usize, found: &mut Vec<Mismatch>) -> Result<usize> {
        if matches!(self.stage, Stage::Done) {
            let Some(next) = next_conversation(log, self.conversation)? else {
                (self.conversation, self.stage) = (ConversationId::default(), Stage::Done);
                return Ok(0);
            };
            (self.conversation, self.stage) = (next, Stage::Entries(Last::default()));
        }
        let (conversation, tally) = (self.conversation, &mut self.tally);
        let taken = match &mut self.stage {
            Stage::Entries(last) => {
                let taken = Entries { conversation, last, tally, found }.check(log, rows)?;
                if taken < rows {
                    self.stage = Stage::Members(None);
                }
                taken
            }
            Stage::Members(after) => {
                let (taken, next) = members::check(log, conversation, *after, rows, found)?;
                *after = next;
                if next.is_none() {
                    self.stage = Stage::Done;
                }
                taken
            }
            Stage::Done => 0,
        };
        Ok(taken)
    }

    /// Gives up the conversation it is in, which has a row that cannot be read.
    pub fn pass_unreadable(&mut self) -> Mismatch {
        self.stage = Stage::Done;
        Mismatch { conversation: self.conversation, seq: 0, user: None, what: "a row cannot be read" }
    }
}

/// The part of a conversation's log after `last`.
struct Entries<'w> {
    conversation: ConversationId,
    last: &'w mut Last,
    tally: &'w mut Tally,
    found: &'w mut Vec<Mismatch>,
}

impl Entries<'_> {
    /// Checks up to `rows` entries; fewer: the log ends there, or its extents have a hole, behind which nothing can be
    /// found.
    fn check(mut self, log: &Snapshot<'_>, rows: usize) -> Result<usize> {
        let mut taken = 0;
        while taken < rows {
            let holds = log.extent_of(self.conversation, self.last.seq + 1)?;
            let Some(extent) = holds.filter(|extent| extent.last_seq() > self.last.seq) else {
                if extents_after(log, self.conversation, self.last.seq)? {
                    self.mismatch(self.last.seq + 1, "the extents have a hole");
                }
                return Ok(taken);
            };
            let skip = self.last.seq + 1 - extent.first_seq;
            let first_position = extent.first_position + skip;
            if first_position <= self.last.position {
                self.mismatch(self.last.seq + 1, "positions do not rise");
            }
            let count = (extent.entries - skip).min((rows - taken) as i64);
            self.rows(log, first_position, count)?;
            taken += count as usize;
            if self.last.seq == extent.last_seq() && self.last.countable != extent.countable {
                self.mismatch(self.last.seq, "the extent counts other countable entries");
            }
            if self.last.seq == extent.last_seq() && self.last.at != extent.last_at {
                self.mismatch(self.last.seq, "the extent has another time than its last entry");
            }
        }
        Ok(taken)
    }

    /// Checks the `count` entries that should stand from `position` on.
    fn rows(&mut self, reader: &Reader<'_>, position: i64, count: i64) -> Result<()> {
        let stands = rows_at(reader, position, position + count - 1)?;
        let mut stands = stands.into_iter().peekable();
        for place in 0..count {
            let (seq, position) = (self.last.seq + 1, position + place);
            match stands.next_if(|row| row.position == position) {
                Some(row) => {
                    self.tally.met += i64::from(position <= self.tally.through);
                    self.row(reader, seq, &row)?;
                }
                None => self.mismatch(seq, "the entry is missing"),
            }
            self.last.seq = seq;
            self.last.position = position;
        }
        Ok(())
    }

    fn row(&mut self, reader: &Reader<'_>, seq: i64, row: &EntryRow) -> Result<()> {
        if row.conversation != self.conversation || row.seq != seq {
            self.mismatch(seq, "another entry stands in its place");
            return Ok(());
        }
        let sum = log::checksum(row.conversation, row.seq, row.sender, row.cmid, row.at, row.version, &row.body);
        if sum != row.checksum {
            self.mismatch(seq, "the row's checksum is wrong");
        }
        if row.at < self.last.at {
            self.mismatch(seq, "time falls");
        }
        let countable = self.last.countable + i64::from(row.kind == EntryKind::Message as i64);
        if row.countable_no != countable {
            self.mismatch(seq, "the countable entries are counted wrong");
        }
        if row.kind == EntryKind::Message as i64 {
            let key = log::find_key(reader, row.conversation, row.sender, row.cmid)?;
            if key.is_none_or(|(position, _)| position != row.position) {
                self.mismatch(seq, "the key of the message is missing or names another entry");
            }
            let content = Content::decode(&row.body[..]).unwrap_or_default();
            for file in content.file_ids().into_iter().filter_map(|id| FileId::try_from(id).ok()) {
                if !store::holds(reader, file, row.conversation, seq)? {
                    self.mismatch(seq, "a file that the message names is not noted as held");
                }
            }
        }
        // From what stands there, so that one wrong number is reported once.
        self.last.at = row.at;
        self.last.countable = row.countable_no;
        Ok(())
    }

    fn mismatch(&mut self, seq: i64, what: &'static str) {
        self.found.push(Mismatch { conversation: self.conversation, seq, user: None, what });
    }
}

fn next_conversation(reader: &Reader<'_>, after: ConversationId) -> Result<Option<ConversationId>> {
    reader.row("SELECT id FROM messaging_conversation WHERE id > ? ORDER BY id LIMIT 1", &[(&after).into()], |row| {
        row.id(0)
    })
}

/// Whether an extent begins after `seq`.
fn extents_after(reader: &Reader<'_>, conversation: ConversationId, seq: i64) -> Result<bool> {
    let later = reader.row(
        "SELECT first_seq FROM messaging_extent WHERE conversation = ? AND first_seq > ? ORDER BY first_seq LIMIT 1",
        &[(&conversation).into(), seq.into()],
        |row| row.int(0),
    )?;
    Ok(later.is_some())
}

/// An entry as its row has it.
struct EntryRow {
    position: i64,
    conversation: ConversationId,
    seq: i64,
    sender: UserId,
    cmid: MessageId,
    at: Timestamp,
    kind: i64,
    version: i64,
    countable_no: i64,
    checksum: i64,
    body: Vec<u8>,
}

fn rows_at(reader: &Reader<'_>, first: i64, last: i64) -> Result<Vec<EntryRow>> {
    reader.rows(
        "SELECT position, conversation, seq, sender, cmid, at, kind, version, countable_no, checksum, body
         FROM messaging_entry WHERE position >= ? AND position <= ? ORDER BY position",
        &[first.into(), last.into()],
        |row: &Row<'_>| {
            Ok(EntryRow {
                position: row.int(0)?,
                conversation: row.id(1)?,
                seq: row.int(2)?,
                sender: row.id(3)?,
                cmid: row.id(4)?,
                at: row.int(5)?,
                kind: row.int(6)?,
                version: row.int(7)?,
                countable_no: row.int(8)?,
                checksum: row.int(9)?,
                body: row.blob(10)?,
            })
        },
    )
}
