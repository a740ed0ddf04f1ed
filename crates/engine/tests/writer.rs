//! The writer's promises, without faults of the disk: savepoints, lost causes, panics, the lane, closing.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anser_engine::{Db, DbOptions, Lane, Migration, SpaceLimits, Tx, Value};
use anser_types::{Clock, Code, Error, Result};
use parking_lot::Mutex;
use proptest::prelude::*;

const NOTES: &[Migration] = &[Migration {
    service: "notes",
    number: 1,
    sql: "CREATE TABLE notes_note (id BIGINT PRIMARY KEY, body VARCHAR(64) NOT NULL)",
}];

struct Store {
    db: Db,
    _dir: tempfile::TempDir,
}

fn store() -> Store {
    store_with(|_| {})
}

fn store_with(change: impl FnOnce(&mut DbOptions)) -> Store {
    let dir = tempfile::tempdir().unwrap();
    let mut options = DbOptions::new(dir.path());
    change(&mut options);
    Store { db: Db::open(&options, NOTES, Clock::system()).unwrap(), _dir: dir }
}

fn note(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.exec("INSERT INTO notes_note (id, body) VALUES (?, ?)", &[id.into(), "hello".into()]).map(|_| ())
}

async fn ids(db: &Db) -> Vec<i64> {
    db.read(|reader| reader.rows("SELECT id FROM notes_note ORDER BY id", &[], |row| row.int(0))).await.unwrap()
}

#[tokio::test]
async fn an_error_undoes_what_its_own_closure_did() {
    let store = store();
    store.db.write(|tx| note(tx, 1)).await.unwrap();
    let refused = store
        .db
        .write(|tx| -> Result<()> {
            note(tx, 2)?;
            Err(Error::not_found("thing"))
        })
        .await;
    assert_eq!(refused.unwrap_err().code, Code::NotFound);
    assert_eq!(ids(&store.db).await, [1]);
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_own_closure() {
    let store = store();
    let refused = store
        .db
        .write(|tx| -> Result<()> {
            note(tx, 1)?;
            panic!("a bug");
        })
        .await;
    assert_eq!(refused.unwrap_err().code, Code::Internal);
    let unanswered: Result<()> = store.db.read(|_| panic!("a bug")).await;
    assert_eq!(unanswered.unwrap_err().code, Code::Internal);
    store.db.write(|tx| note(tx, 2)).await.unwrap();
    assert_eq!(ids(&store.db).await, [2]);
}

#[tokio::test]
async fn effects_run_after_their_commit_in_order_and_only_then() {
    let store = store();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for id in 0..5 {
        let seen = seen.clone();
        let answer = store
            .db
            .write(move |tx| {
                let seen = seen.clone();
                note(tx, id)?;
                tx.after_commit(move || seen.lock().push(id));
                if id == 3 { Err(Error::not_found("thing")) } else { Ok(()) }
            })
            .await;
        assert_eq!(answer.is_ok(), id != 3);
    }
    assert_eq!(*seen.lock(), [0, 1, 2, 4]);
}

#[tokio::test]
async fn work_past_its_deadline_is_dropped_before_it_begins() {
    let store = store();
    let late = store.db.until(tokio::time::Instant::now() - Duration::from_millis(1));
    assert_eq!(late.write(|tx| note(tx, 1)).await.unwrap_err().code, Code::DeadlineExceeded);
    assert!(ids(&store.db).await.is_empty());
}

/// Some errors of SQLite end the whole transaction, and the closure that met one may have swallowed it.
#[tokio::test]
async fn a_lost_transaction_is_lost_for_its_whole_round() {
    let store = store();
    let lost = Arc::new(AtomicUsize::new(0));
    let count = lost.clone();
    store.db.on_lost(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    // While this one holds the writer the others queue, and share a commit.
    let slow = store.db.write(|_| {
        std::thread::sleep(Duration::from_millis(100));
        Ok(())
    });
    let after = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tokio::join!(
            store.db.write(|tx| note(tx, 1)),
            store.db.write(|tx| {
                tx.exec("ROLLBACK", &[])?;
                assert!(note(tx, 2).is_err(), "it would stand outside of any transaction");
                Ok(())
            }),
            store.db.write(|tx| note(tx, 3)),
        )
    };
    let (_, (first, second, third)) = tokio::join!(slow, after);
    for answer in [first, second, third] {
        assert_eq!(answer.unwrap_err().code, Code::Unavailable);
    }
    assert_eq!(lost.load(Ordering::Relaxed), 1);
    assert!(ids(&store.db).await.is_empty());
    store.db.write(|tx| note(tx, 4)).await.unwrap();
    assert_eq!(ids(&store.db).await, [4]);
}

#[tokio::test]
async fn a_service_touches_no_tables_of_another() {
    let store = store();
    let notes = store.db.scoped("notes");
    notes.write(|tx| note(tx, 1)).await.unwrap();
    let auth = store.db.scoped("auth");
    let written = auth.write(|tx| tx.exec("UPDATE notes_note SET body = ?", &["x".into()])).await;
    assert_eq!(written.unwrap_err().code, Code::Internal);
    let read = auth.read(|reader| reader.number("SELECT COUNT(*) FROM notes_note AS mine", &[])).await;
    assert_eq!(read.unwrap_err().code, Code::Internal);
    auth.read(|reader| reader.number("SELECT COUNT(*) FROM engine_outbox", &[])).await.unwrap();
    // Nor does anybody end the transaction around it, or change the schema.
    for sql in ["COMMIT", "PRAGMA synchronous = OFF", "DROP TABLE notes_note"] {
        assert!(notes.write(move |tx| tx.exec(sql, &[])).await.is_err(), "{sql}");
    }
    assert_eq!(ids(&store.db).await, [1]);
}

#[tokio::test]
async fn a_closed_store_has_done_what_waited_and_refuses_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let options = DbOptions::new(dir.path());
    let db = Db::open(&options, NOTES, Clock::system()).unwrap();
    let waiting: Vec<_> = (0..200)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move { db.write(move |tx| note(tx, id)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    db.close().await;
    let mut done = Vec::new();
    for (id, answer) in waiting.into_iter().enumerate() {
        match answer.await.unwrap() {
            Ok(()) => done.push(id as i64),
            Err(error) => assert_eq!(error.code, Code::Unavailable),
        }
    }
    assert!(db.write(|tx| note(tx, 1_000)).await.unwrap_err().retryable());
    assert!(db.read(|_| Ok(())).await.unwrap_err().retryable());
    assert!(!dir.path().join("anser.db-wal").exists(), "a clean end leaves no log behind");
    let again = Db::open(&options, NOTES, Clock::system()).unwrap();
    assert_eq!(ids(&again).await, done);
}

#[tokio::test]
async fn a_second_store_on_the_same_directory_is_refused() {
    let store = store();
    let refused = Db::open(&DbOptions::new(store._dir.path()), NOTES, Clock::system()).map(|_| ()).unwrap_err();
    assert!(refused.detail.contains("in use"), "{refused}");
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = DbOptions::new(dir.path());
    Db::open(&options, NOTES, Clock::system()).unwrap().close().await;
    let refused = Db::open(&options, &[], Clock::system()).map(|_| ()).unwrap_err();
    assert!(refused.detail.contains("newer version"), "{refused}");
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_growth_and_a_full_one_everything() {
    let nearly = store_with(|options| options.space.growth_below = Some(u64::MAX));
    assert_eq!(nearly.db.growth_allowed().unwrap_err().code, Code::StorageFull);
    nearly.db.write(|tx| note(tx, 1)).await.unwrap();
    let full = store_with(|options| options.space = SpaceLimits { growth_below: None, writes_below: u64::MAX });
    let refused = full.db.write(|tx| note(tx, 1)).await.unwrap_err();
    assert!(refused.code == Code::StorageFull && refused.retryable());
    assert!(ids(&full.db).await.is_empty(), "reads go on");
}

#[tokio::test]
async fn the_log_is_kept_small_while_readers_come_and_go() {
    let store = store_with(|options| {
        options.checkpoint.copy_above = 256 << 10;
        options.checkpoint.finish_above = 1 << 20;
        options.checkpoint.never_above = 2 << 20;
    });
    let log = store._dir.path().join("anser.db-wal");
    let mut largest = 0;
    for round in 0..600_i64 {
        let write = store.db.write(move |tx| {
            for id in 0..20 {
                tx.exec(
                    "INSERT INTO notes_note (id, body) VALUES (?, ?)",
                    &[(round * 20 + id).into(), Value::Text("0123456789abcdef0123456789abcdef")],
                )?;
            }
            Ok(())
        });
        let (written, read) = tokio::join!(write, ids(&store.db));
        written.unwrap();
        assert!(read.len() as i64 % 20 == 0);
        largest = largest.max(std::fs::metadata(&log).unwrap().len());
    }
    assert!(largest < 3 << 20, "the log grew to {largest} bytes");
}

/// Sends of a lane: each number is written, or panics or fails, as its remainder says.
struct Numbers {
    waiting: Arc<Mutex<Vec<i64>>>,
    taken: Vec<i64>,
    acknowledged: Arc<Mutex<Vec<i64>>>,
    refused: Arc<AtomicUsize>,
}

impl Lane for Numbers {
    fn ready(&self) -> bool {
        !self.waiting.lock().is_empty()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(10);
        self.taken = waiting.drain(..count).collect();
        drop(waiting);
        for &id in &self.taken {
            note(tx, id)?;
            assert!(id % 37 != 0, "a bug");
            if id % 23 == 0 {
                return Err(Error::not_found("thing"));
            }
        }
        Ok(())
    }

    fn finish(&mut self, outcome: Result<()>) {
        let taken = std::mem::take(&mut self.taken);
        match outcome {
            Ok(()) => self.acknowledged.lock().extend(taken),
            Err(_) => {
                self.refused.fetch_add(taken.len(), Ordering::Relaxed);
            }
        }
    }
}

#[tokio::test]
async fn the_lane_is_served_beside_the_closures() {
    let store = store();
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let refused = Arc::new(AtomicUsize::new(0));
    store.db.set_lane(Box::new(Numbers {
        waiting: waiting.clone(),
        taken: Vec::new(),
        acknowledged: acknowledged.clone(),
        refused: refused.clone(),
    }));
    for id in 1..=1_000 {
        waiting.lock().push(id);
        store.db.wake_lane();
        if id % 10 == 0 {
            store.db.write(move |tx| note(tx, -id)).await.unwrap();
        }
    }
    while acknowledged.lock().len() + refused.load(Ordering::Relaxed) < 1_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let written: Vec<i64> = ids(&store.db).await.into_iter().filter(|id| *id > 0).collect();
    let mut acknowledged = acknowledged.lock().clone();
    acknowledged.sort_unstable();
    assert_eq!(written, acknowledged);
    assert!(refused.load(Ordering::Relaxed) > 0);
}

/// What one of many concurrent closures does.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Write,
    /// Fails after it wrote.
    Fail,
    Panic,
    /// Meets a key that is taken, swallows that, and writes something else.
    Swallow,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the closures do, what was answered is exactly what stands in the table.
    #[test]
    fn answers_and_table_agree(doings in prop::collection::vec(
        prop_oneof![
            4 => Just(Doing::Write), 1 => Just(Doing::Fail), 1 => Just(Doing::Panic), 1 => Just(Doing::Swallow),
        ], 1..200,
    )) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let store = store_with(|options| options.durability = anser_engine::Durability::Normal);
            store.db.write(|tx| note(tx, -1)).await.unwrap();
            let order = Arc::new(AtomicI64::new(0));
            let mut running = Vec::new();
            for (id, doing) in doings.into_iter().enumerate() {
                let (db, order, id) = (store.db.clone(), order.clone(), id as i64);
                running.push(tokio::spawn(async move {
                    let answer = db.write(move |tx| {
                        match doing {
                            Doing::Swallow => assert!(note(tx, -1).is_err()),
                            _ => note(tx, 1_000 + id)?,
                        }
                        note(tx, id)?;
                        match doing {
                            Doing::Fail => Err(Error::not_found("thing")),
                            Doing::Panic => panic!("a bug"),
                            Doing::Write | Doing::Swallow => Ok(order.fetch_add(1, Ordering::Relaxed)),
                        }
                    });
                    (id, doing, answer.await)
                }));
            }
            let mut expected = BTreeMap::from([(-1, ())]);
            for task in running {
                let (id, doing, answer) = task.await.unwrap();
                match doing {
                    Doing::Write => { expected.insert(1_000 + id, ()); expected.insert(id, ()); }
                    Doing::Swallow => { expected.insert(id, ()); }
                    Doing::Fail | Doing::Panic => {}
                }
                assert_eq!(answer.is_ok(), matches!(doing, Doing::Write | Doing::Swallow));
            }
            assert_eq!(ids(&store.db).await, expected.into_keys().collect::<Vec<_>>());
        });
    }
}
