//! For fuzz targets only: what people may say, tokens, and a log whose rows were damaged.

use std::{path::Path, sync::Arc};

use anser_contract::v1::{Content, SendMessage};
use anser_engine::{Db, DbOptions, Durability, Tx, Value};
use anser_types::{Clock, ConversationId, Error, Result, UserId};
use tokio::time::Instant;

use crate::{
    MIGRATIONS, audit, journal,
    log::Log,
    membership::{self, View},
    message::{
        heads,
        prepare::{Sayable, prepare},
        send::ReplyTo,
    },
};
pub use crate::{
    message::{forward::depth, react::check_emoji},
    words::Words,
};

/// A send of `content` as it would be stored: its body, and the hash that its repeats are known by.
pub fn prepared(content: Content, body_bytes: usize, words: Arc<Words>) -> Result<(Vec<u8>, [u8; 16])> {
    let send = SendMessage {
        conversation_id: vec![1; 16],
        client_msg_id: vec![0x70; 16],
        content: Some(content),
        ..Default::default()
    };
    let sayable = Sayable { body_bytes, words, expires_most_ms: i64::MAX };
    let ready = prepare(USER, send, &sayable, Instant::now(), ReplyTo::Link(0, 0));
    ready.map(|send| (send.body, send.payload_hash)).map_err(|(_, error)| error)
}

/// The payload of a token of heads that `bytes` are, written again; `None`: they are none.
pub fn heads_token(bytes: &[u8]) -> Option<Vec<u8>> {
    let store = [7; 6];
    heads::Token::parse(bytes, store).ok().map(|token| token.to_bytes(store))
}

const USER: UserId = UserId([2; 16]);
const CONVERSATION: ConversationId = ConversationId([1; 16]);

/// An entry's row, as it may stand after the disk or somebody else had a hand in it.
#[derive(Clone, Debug)]
pub struct EntryRow {
    /// Its seq.
    pub seq: i64,
    /// Its kind.
    pub kind: i64,
    /// Its version.
    pub version: i64,
    /// How many countable entries there are up to it.
    pub countable_no: i64,
    /// Its time.
    pub at: i64,
    /// When it was edited.
    pub edited_at: i64,
    /// Its words.
    pub body: Vec<u8>,
}

/// A store with the tables of messaging.
pub struct DamagedLog {
    db: Db,
    log: Log,
}

impl DamagedLog {
    /// An empty one in `dir`.
    pub async fn open(dir: &Path) -> Result<Self> {
        let store = DbOptions { durability: Durability::Off, readers: 1, ..DbOptions::new(dir) };
        let clock = Clock::fixed(1_700_000_000_000);
        let db = Db::open(&store, MIGRATIONS, clock.clone())?.scoped("messaging");
        let log = Log::open(&db, 1_000, clock).await?;
        Ok(Self { db, log })
    }

    /// Puts these rows into the store (of extents: first_seq, first_position, entries, countable, last_at; entries at
    /// positions 1, 2, 3 …), reads the log in every way that there is, and takes them away again.
    pub async fn read(&self, extents: Vec<[i64; 5]>, entries: Vec<EntryRow>) {
        let log = self.log.clone();
        let change = move |tx: &mut Tx<'_>| -> Result<()> {
            put(tx, &extents, &entries)?;
            look(tx, &log);
            Err(Error::invalid("all of it is taken back"))
        };
        let _always_refused = self.db.write(change).await;
    }
}

fn put(tx: &mut Tx<'_>, extents: &[[i64; 5]], entries: &[EntryRow]) -> Result<()> {
    let conversation = Value::from(&CONVERSATION);
    tx.exec(
        "INSERT INTO messaging_conversation (id, kind, title, avatar, creator, created_at, member_count)
         VALUES (?, 2, '', '', ?, 0, 1)",
        &[conversation, (&USER).into()],
    )?;
    tx.exec(
        "INSERT INTO messaging_member (conversation, user_id, from_seq, role, joined_at) VALUES (?, ?, 1, 1, 0)",
        &[conversation, (&USER).into()],
    )?;
    for numbers in extents {
        let [first_seq, first_position, count, countable, last_at] = numbers.map(Value::from);
        tx.insert_new(
            "INSERT INTO messaging_extent (conversation, first_seq, first_position, entries, countable, last_at)
             VALUES (?, ?, ?, ?, ?, ?)",
            &[conversation, first_seq, first_position, count, countable, last_at],
        )?;
    }
    for entry in entries {
        tx.exec(
            "INSERT INTO messaging_entry
             (conversation, seq, sender, cmid, at, kind, version, countable_no, checksum, body, edited_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
            &[
                conversation,
                entry.seq.into(),
                (&USER).into(),
                (&USER).into(),
                entry.at.into(),
                entry.kind.into(),
                entry.version.into(),
                entry.countable_no.into(),
                (&entry.body).into(),
                entry.edited_at.into(),
            ],
        )?;
    }
    Ok(())
}

/// Each question answers something or fails with an error of its own: none of them may panic.
fn look(tx: &Tx<'_>, log: &Log) {
    let Ok(snapshot) = log.at(tx) else { return };
    let _ = snapshot.stored_since(0, 100);
    let _ = audit::look_once(&snapshot);
    let _ = membership::standing_to_send(tx, CONVERSATION, USER, false, 0);
    let Ok(head) = snapshot.head(CONVERSATION) else { return };
    for seq in [1, 2, head.seq / 2, head.seq - 1, head.seq] {
        let _ = snapshot.entry_at(CONVERSATION, seq);
        let _ = snapshot.countable_upto(CONVERSATION, seq);
        if seq >= 1 {
            let _ = snapshot.entries(CONVERSATION, seq, head.seq, 50, 1 << 20);
        }
    }
    for end in [0, 1, head.position] {
        let _ = snapshot.first_seq_after(CONVERSATION, end);
        let _ = snapshot.seq_at_time(CONVERSATION, 1, head.seq, end);
    }
    let _ = journal::read_on::page(&snapshot, 0, 1_000);
    if let Ok(view) = View::of(&snapshot, CONVERSATION, USER) {
        let _ = view.unread(&snapshot, CONVERSATION, 1);
        let _ = view.mentions(&snapshot, CONVERSATION, USER, 1);
    }
}
