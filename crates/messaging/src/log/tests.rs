//! Whatever is appended, lost and restarted: the log reads as if all of it stood in one table.

use std::collections::HashMap;

use anser_contract::v1::{Opened, Text, content};
use anser_engine::{Db, DbOptions, Durability, Tx};
use anser_types::{Clock, ConversationId, Error, MessageId, Result, UserId};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Head, Log, NewEntry, last_position, rewrite};
use crate::{MIGRATIONS, message::store};

/// What happens to the log.
#[derive(Clone, Debug)]
enum Step {
    /// A transaction appends to one conversation after the other: which, whose, how many.
    Append(Vec<(u8, u8, u8)>),
    /// The same, and then the transaction is lost.
    Lose(Vec<(u8, u8, u8)>),
    /// Other words stand in the place of an entry's: which conversation, which of its entries.
    Rewrite(u8, prop::sample::Index),
    /// The process starts again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let appends = prop::collection::vec((0..5u8, 0..3u8, 1..4u8), 1..6);
    prop_oneof![
        8 => appends.clone().prop_map(Step::Append),
        2 => appends.prop_map(Step::Lose),
        2 => (0..5u8, any::<prop::sample::Index>()).prop_map(|(name, place)| Step::Rewrite(name, place)),
        1 => Just(Step::Restart),
    ]
}

/// What must be read: of each conversation its entries in order.
#[derive(Default)]
struct Model {
    conversations: HashMap<u8, Vec<Known>>,
    end: i64,
}

#[derive(Clone, Copy)]
struct Known {
    sender: u8,
    position: i64,
    version: u32,
}

struct House {
    db: Db,
    log: Log,
    run: i64,
    _dir: TempDir,
}

impl House {
    async fn new(run: i64) -> Self {
        let dir = TempDir::new().unwrap();
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&store, MIGRATIONS, Clock::fixed(1_700_000_000_000)).unwrap().scoped("messaging");
        let log = Log::open(&db, run, Clock::fixed(1_700_000_000_000)).await.unwrap();
        Self { db, log, run, _dir: dir }
    }

    async fn append(&self, what: Vec<(u8, u8, u8)>, lose: bool) -> Result<()> {
        let log = self.log.clone();
        let change = move |tx: &mut Tx<'_>| {
            for &(conversation, sender, count) in &what {
                append(&log, tx, conversation_id(conversation), sender, count)?;
            }
            log.keep_index(tx)?;
            if lose { Err(Error::invalid("lost")) } else { Ok(()) }
        };
        self.db.write(change).await
    }

    async fn rewrite(&self, name: u8, seq: i64) -> Result<()> {
        let log = self.log.clone();
        let change = move |tx: &mut Tx<'_>| {
            let conversation = conversation_id(name);
            let mut stored = log.at(tx)?.entry_at(conversation, seq)?.ok_or_else(|| Error::not_found("entry"))?;
            let said = content::Kind::Text(Text { text: format!("{} again", stored.entry.version) });
            rewrite(tx, conversation, &mut stored, said.into(), 2)
        };
        self.db.write(change).await
    }

    /// Looks at everything and compares.
    async fn compare(&self, model: &Model) {
        let mut wanted: Vec<_> = model.conversations.iter().map(|(key, value)| (*key, value.clone())).collect();
        wanted.sort_unstable_by_key(|(name, _)| *name);
        let (log, end) = (self.log.clone(), model.end);
        let question = move |reader: &anser_engine::Reader<'_>| {
            let snapshot = log.at(reader)?;
            assert_eq!(snapshot.last_position(), end);
            for (name, entries) in wanted {
                let conversation = conversation_id(name);
                let head = entries.len() as i64;
                let last = entries.last().map_or(0, |known| known.position);
                let found = snapshot.head(conversation)?;
                assert_eq!((found.seq, found.position), (head, last), "the head of {name}");
                let messages = |upto: i64| entries[..upto as usize].iter().filter(|known| known.sender > 0).count();
                for from in 1..=head {
                    let read = snapshot.entries(conversation, from, head, 7, usize::MAX)?;
                    let read = read.iter().map(|stored| (stored.entry.seq, stored.position, stored.entry.version));
                    let wanted = entries.iter().zip(1..).skip(from as usize - 1).take(7);
                    let wanted = wanted.map(|(known, seq)| (seq, known.position, known.version));
                    assert_eq!(read.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
                    assert_eq!(snapshot.countable_upto(conversation, from)?, messages(from) as i64);
                    let position = entries[from as usize - 1].position;
                    assert_eq!(snapshot.entry_at(conversation, from)?.map(|stored| stored.position), Some(position));
                    assert_eq!(snapshot.first_seq_after(conversation, position)?, from + 1);
                }
                for sender in 1..3 {
                    let own = entries.iter().rposition(|known| known.sender == sender);
                    let wanted = own.map_or((0, 0), |index| (index as i64 + 1, entries[index].position - 1));
                    assert_eq!(store::cursor(&snapshot, conversation, user(sender))?, wanted, "{sender} in {name}");
                }
            }
            Ok(())
        };
        self.db.read(question).await.unwrap();
    }
}

/// Sender 0 writes notices, the others messages.
fn append(log: &Log, tx: &mut Tx<'_>, conversation: ConversationId, sender: u8, count: u8) -> Result<()> {
    let mut head: Head = log.at(tx)?.head(conversation)?;
    let mut position = last_position(tx)?;
    let new = |_| {
        let said = content::Kind::Text(Text { text: "x".into() });
        let kind = if sender == 0 { content::Kind::Opened(Opened {}) } else { said };
        NewEntry::of(user(sender), MessageId::new(&Clock::system()), kind.into())
    };
    log.append(tx, conversation, &mut head, &mut position, (0..count).map(new).collect(), 1).map(drop)
}

fn conversation_id(name: u8) -> ConversationId {
    ConversationId([name + 1; 16])
}

fn user(name: u8) -> UserId {
    UserId([name + 1; 16])
}

async fn play(run: i64, steps: Vec<Step>) {
    let mut house = House::new(run).await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(what) => {
                house.append(what.clone(), false).await.unwrap();
                for (conversation, sender, count) in what {
                    for _ in 0..count {
                        model.end += 1;
                        let known = Known { sender, position: model.end, version: 1 };
                        model.conversations.entry(conversation).or_default().push(known);
                    }
                }
            }
            Step::Lose(what) => assert!(house.append(what, true).await.is_err()),
            Step::Rewrite(name, place) => {
                let Some(entries) = model.conversations.get_mut(&name) else { continue };
                let place = place.index(entries.len());
                entries[place].version += 1;
                house.rewrite(name, place as i64 + 1).await.unwrap();
            }
            Step::Restart => {
                house.log = Log::open(&house.db, house.run, Clock::fixed(1_700_000_000_000)).await.unwrap()
            }
        }
        house.compare(&model).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_log_reads_as_one(run in 1..40i64, steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(run, steps));
    }
}
