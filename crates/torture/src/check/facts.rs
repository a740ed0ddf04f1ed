//! What the lines of a history say, sorted by kind. Questions are joined to their answers; nothing is judged here.
//!
//! Lines stand in the file in the order of time, so a line's number is the only clock that the checker needs:
//! `invoked` is the line of a question, `line` that of what came.

use std::collections::{BTreeSet, HashMap};

use super::fetching::{Download, Search, Upload};
use crate::wire::{Content, frame};

/// A message: conversation and seq.
pub type Place = (String, i64);

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// How often it was changed, the first time counted as 1.
    pub version: i64,
    /// When its words were changed last.
    pub edited_at: i64,
    /// How many reacted how.
    pub reactions: Vec<(String, i64)>,
}

/// A try to change a message.
#[derive(Debug)]
pub struct Try {
    /// Who tries it.
    pub user: String,
    /// Which message.
    pub place: Place,
    /// What is to become of it.
    pub wish: Wish,
    /// When it was asked for.
    pub invoked: usize,
    /// How it ended, if it did.
    pub outcome: Option<TryOutcome>,
}

/// What is to become of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// It says something else.
    Edit(Content),
    /// It says nothing any more.
    Recall,
    /// Somebody reacts so, or no longer.
    React(String, bool),
}

/// How a try ended.
#[derive(Debug)]
pub enum TryOutcome {
    /// It was done.
    Done {
        /// The version that the message has by it.
        version: i64,
        /// The entry that tells of it; 0 where there is none.
        change_seq: i64,
        /// Where it stands in the file.
        line: usize,
        /// When that was.
        at: u64,
    },
    /// It was refused; `true` if it is certain that nothing happened.
    Refused(bool),
}

impl Try {
    /// Version, change and line, if it was done.
    pub fn done(&self) -> Option<(i64, i64, usize)> {
        match self.outcome {
            Some(TryOutcome::Done { version, change_seq, line, .. }) => Some((version, change_seq, line)),
            _ => None,
        }
    }

    /// Whether it is certain that nothing happened.
    pub fn came_to_nothing(&self) -> bool {
        matches!(self.outcome, Some(TryOutcome::Refused(true)))
    }
}

/// Something that is so or is not so, and that people turn on and off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Switch {
    /// Somebody (second) is a member of a group (first).
    Member(String, String),
    /// Somebody (first) blocks somebody.
    Block(String, String),
    /// A link (second) leads into a group (first).
    Link(String, String),
}

/// That somebody turned a switch. What was refused for good is none.
#[derive(Debug)]
pub struct Turn {
    /// Which.
    pub switch: Switch,
    /// To what.
    pub on: bool,
    /// When it was asked for.
    pub invoked: usize,
    /// When it was answered; `None`: nobody knows whether it happened.
    pub answered: Option<usize>,
}

/// That somebody deleted entries for themselves.
#[derive(Debug)]
pub struct Deletion {
    /// Who.
    pub user: String,
    /// Where.
    pub conversation: String,
    /// What they asked for.
    pub asked: Vec<frame::HiddenRange>,
    /// When they asked.
    pub invoked: usize,
    /// When it was answered, and all that was hidden by then.
    pub answered: Option<(usize, Vec<frame::HiddenRange>)>,
}

/// A change that was pushed, and what came beside it.
#[derive(Debug)]
pub struct Pushed {
    /// On which connection.
    pub conn: u64,
    /// Of which conversation.
    pub conversation: String,
    /// The entry that tells of the change.
    pub seq: i64,
    /// The message that it says has changed.
    pub target: i64,
    /// Seq and version of the message beside it.
    pub beside: Option<(i64, i64)>,
    /// Where it stands in the file.
    pub line: usize,
}

/// When words were last said by the server: nanoseconds of the run by which they cannot have been said yet, and the line.
pub type Heard = (u64, usize);

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
    /// Whether it came beside a change of it, and not in its own place.
    pub beside: bool,
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
    /// All tries to change messages.
    pub tries: Vec<Try>,
    /// All that was turned on or off.
    pub turns: Vec<Turn>,
    /// All deletions for oneself.
    pub deletions: Vec<Deletion>,
    /// All changes that were pushed.
    pub pushed: Vec<Pushed>,
    /// Where the codes of links lead.
    pub codes: HashMap<String, String>,
    /// When each text was last said by the server.
    pub heard: HashMap<String, Heard>,
    /// What is on when all is quiet, of the blocks of a person and of the links into a group.
    pub on_at_quiet: HashMap<String, BTreeSet<Switch>>,
    /// All answers about read cursors.
    pub cursors: Vec<Cursor>,
    /// The files that were sent, by id.
    pub uploads: HashMap<String, Upload>,
    /// All tries to fetch a file.
    pub downloads: Vec<Download>,
    /// All answers of search.
    pub searches: Vec<Search>,
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
