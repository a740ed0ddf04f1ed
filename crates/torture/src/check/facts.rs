//! What the lines of a history say, sorted by kind. Questions are joined to their answers; nothing is judged here.
//!
//! Lines stand in the file in the order of time, so a line's number is the only clock that the checker needs:
//! `invoked` is the line of a question, `line` that of what came.

use std::collections::{BTreeSet, HashMap};

use crate::wire::{Content, frame};

/// The key of a send: conversation, sender, `client_msg_id`.
pub type Key = (String, String, String);

/// One try to send a message.
#[derive(Debug)]
pub struct Attempt {
    /// What it is a try of.
    pub key: Key,
    /// What it wanted to say.
    pub content: Content,
    /// The connection, or `None` over HTTP.
    pub conn: Option<u64>,
    /// When it was sent.
    pub invoked: usize,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// How a try ended.
#[derive(Debug)]
pub enum Outcome {
    /// Stored.
    Ack(Ack),
    /// Refused; `permanent` if the refusal says that it was not stored.
    Nack {
        /// The code.
        code: String,
        /// Whether it is certain that nothing was stored.
        permanent: bool,
    },
}

/// An acknowledgement.
#[derive(Clone, Debug)]
pub struct Ack {
    /// Its seq.
    pub seq: i64,
    /// Its time by the server.
    pub server_ts: i64,
    /// Whether the server said that it had it already.
    pub dup: bool,
    /// In which life of the server.
    pub life: usize,
    /// Where it stands in the file.
    pub line: usize,
}

impl Attempt {
    /// The acknowledgement, if there was one.
    pub fn ack(&self) -> Option<&Ack> {
        match &self.outcome {
            Some(Outcome::Ack(ack)) => Some(ack),
            _ => None,
        }
    }
}

/// An entry as a reader saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who sent it.
    pub sender: String,
    /// Under which id.
    pub cmid: String,
    /// When, by the server.
    pub server_ts: i64,
    /// Whether the server says it counts as unread.
    pub countable: bool,
    /// What it says.
    pub content: Content,
    /// What any client can show of it.
    pub fallback_text: String,
}

/// That a reader saw an entry.
#[derive(Debug)]
pub struct Sighting {
    /// On which connection.
    pub conn: u64,
    /// Of which conversation.
    pub conversation: String,
    /// Which entry.
    pub seq: i64,
    /// What was seen, or only the `client_msg_id` of an own entry.
    pub seen: Result<Seen, String>,
    /// Where it stands in the file.
    pub line: usize,
    /// Whether it came before the quiet point.
    pub before_quiet: bool,
}

/// A page of sync.
#[derive(Debug)]
pub struct Page {
    /// On which connection.
    pub conn: u64,
    /// When it was asked for.
    pub invoked: usize,
    /// After which seq.
    pub after: i64,
    /// What came.
    pub page: frame::SyncPage,
    /// Where it stands in the file.
    pub line: usize,
}

/// A list of heads.
#[derive(Debug)]
pub struct Heads {
    /// On which connection.
    pub conn: u64,
    /// When it was asked for.
    pub invoked: usize,
    /// What it names.
    pub items: Vec<frame::Head>,
    /// Where it stands in the file.
    pub line: usize,
}

/// What a read cursor was said to be.
#[derive(Debug)]
pub struct Cursor {
    /// Whose.
    pub user: String,
    /// Of which conversation.
    pub conversation: String,
    /// Where it should have moved.
    pub wanted: i64,
    /// When it was asked for.
    pub invoked: usize,
    /// What the answer said.
    pub moved: frame::ReadMoved,
    /// Where it stands in the file.
    pub line: usize,
}

/// What a connection told its client, in order.
#[derive(Debug)]
pub enum Told {
    /// The session stands.
    Welcome {
        /// Whether it goes on where the one before ended.
        resumed: bool,
    },
    /// An entry was pushed.
    Entry {
        /// Its conversation.
        conversation: String,
        /// Its seq.
        seq: i64,
    },
    /// A cursor was pushed.
    Read(frame::ReadMoved),
    /// A conversation was joined: what follows of it starts anew.
    Joined(String),
    /// A sync told how far the conversation reaches.
    SyncedTo(String, i64),
    /// Everything starts anew.
    SyncRequired,
}

/// A connection.
#[derive(Debug, Default)]
pub struct Connection {
    /// Whose.
    pub user: String,
    /// On which device.
    pub device: String,
    /// Whether it is one of the last readers.
    pub last: bool,
    /// The connection of the same device before it.
    pub previous: Option<u64>,
    /// What it was told, with the lines.
    pub told: Vec<(usize, Told)>,
    /// Whether it stood when all was quiet.
    pub open_at_quiet: bool,
}

/// Everything the history says.
#[derive(Debug, Default)]
pub struct Facts {
    /// How many lines it has.
    pub lines: usize,
    /// The people.
    pub users: BTreeSet<String>,
    /// The connections, by number.
    pub connections: HashMap<u64, Connection>,
    /// All tries to send.
    pub attempts: Vec<Attempt>,
    /// All entries seen.
    pub sightings: Vec<Sighting>,
    /// All pages of sync.
    pub pages: Vec<Page>,
    /// All lists of heads.
    pub heads: Vec<Heads>,
    /// All answers about read cursors.
    pub cursors: Vec<Cursor>,
    /// The two people of each direct conversation.
    pub pairs: HashMap<String, BTreeSet<String>>,
    /// How often the server was killed.
    pub kills: usize,
    /// Frames that could not be read: line and what it was.
    pub unreadable: Vec<usize>,
}

impl Facts {
    /// Whose connection it is.
    pub fn user_of(&self, conn: u64) -> &str {
        self.connections.get(&conn).map_or("", |connection| &connection.user)
    }
}
