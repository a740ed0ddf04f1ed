//! A copy of the store while it is used: whole, of one moment, and in nobody's way.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use anser_engine::{Db, DbOptions, Durability, Migration, Tx, check_file};
use anser_types::{Clock, Code, Result};

const NOTES: &[Migration] = &[Migration {
    service: "notes",
    number: 1,
    sql: "CREATE TABLE notes_note (id BIGINT PRIMARY KEY, pair BIGINT NOT NULL, body BLOB NOT NULL)",
}];

struct Store {
    db: Db,
    dir: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path().join("data")) };
        Self { db: Db::open(&options, NOTES, Clock::system()).unwrap(), dir }
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("copy.db")
    }

    /// Several MiB, so that a copy takes many slices.
    async fn fill(&self) {
        for part in 0..16 {
            self.db.write(move |tx| (0..64).try_for_each(|id| note(tx, part * 64 + id, 0, 8_000))).await.unwrap();
        }
    }
}

fn note(tx: &mut Tx<'_>, id: i64, pair: i64, bytes: usize) -> Result<()> {
    let body = vec![7u8; bytes];
    tx.exec(
        "INSERT INTO notes_note (id, pair, body) VALUES (?, ?, ?)",
        &[id.into(), pair.into(), body.as_slice().into()],
    )
    .map(|_| ())
}

/// Waits for the end of a copy.
async fn copied(db: &Db, target: &Path) -> Result<()> {
    let mut told = db.copy_to(target)?;
    while let Some(progress) = told.recv().await {
        if progress?.done {
            return Ok(());
        }
    }
    panic!("the copy ended without a word");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_under_load_is_of_one_moment_after_it_began() {
    let store = Store::new();
    store.fill().await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    // Two rows that belong together, at both ends of the table, in each transaction; and old pages change as well.
    let writing = tokio::spawn({
        let (db, stop, written) = (store.db.clone(), stop.clone(), written.clone());
        async move {
            for number in 1.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                db.write(move |tx| {
                    note(tx, -number, number, 100)?;
                    tx.exec("UPDATE notes_note SET pair = ? WHERE id = ?", &[number.into(), (number % 1_000).into()])?;
                    note(tx, 1_000_000 + number, number, 3_000)
                })
                .await
                .unwrap();
                written.store(number, Ordering::Relaxed);
            }
        }
    });
    while written.load(Ordering::Relaxed) < 10 {
        tokio::task::yield_now().await;
    }
    let before = written.load(Ordering::Relaxed);
    copied(&store.db, &store.target()).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    let after = written.load(Ordering::Relaxed);

    assert_eq!(check_file(&store.target()).unwrap(), Vec::<String>::new());
    let copy = Db::frozen(&store.target(), Clock::system()).unwrap();
    assert_eq!(copy.epoch(), store.db.epoch());
    let (low, high, whole) = copy
        .read(|reader| {
            Ok((
                reader.number("SELECT COUNT(*) FROM notes_note WHERE id < 0", &[])?,
                reader.number("SELECT COUNT(*) FROM notes_note WHERE id > 1000000", &[])?,
                reader.number("SELECT COUNT(*) FROM notes_note", &[])?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(low, high, "no half of a transaction");
    assert!(before <= low && low <= after, "{before} <= {low} <= {after}");
    assert_eq!(whole, low + high + 16 * 64);
    let refused = copy.write(|tx| tx.exec("DELETE FROM notes_note", &[])).await;
    assert_eq!(refused.unwrap_err().code, Code::Unavailable, "nobody writes to a copy");
    copy.close().await;
    assert!(!store.dir.path().join("copy.db-wal").exists());
}

#[tokio::test]
async fn one_copy_at_a_time_and_none_over_another_file() {
    let store = Store::new();
    store.fill().await;
    let first = store.db.copy_to(&store.target()).unwrap();
    let second = store.db.copy_to(&store.dir.path().join("second.db")).map(drop);
    assert_eq!(second.unwrap_err().code, Code::Unavailable);
    // Nobody waits for it any more: it is given up, and the next one may begin.
    drop(first);
    let third = store.dir.path().join("third.db");
    while store.db.copy_to(&third).map(drop).is_err() || third.exists() {
        tokio::task::yield_now().await;
    }
    let taken = store.dir.path().join("taken.db");
    std::fs::write(&taken, "something of value").unwrap();
    while copied(&store.db, &taken).await.unwrap_err().detail.contains("another copy") {}
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "something of value");
    copied(&store.db, &store.dir.path().join("fourth.db")).await.unwrap();
    store.db.write(|tx| note(tx, -1, 0, 10)).await.unwrap();
}

#[tokio::test]
async fn a_copy_ends_with_its_store() {
    let store = Store::new();
    store.fill().await;
    let mut told = store.db.copy_to(&store.target()).unwrap();
    store.db.close().await;
    let mut whole = false;
    while let Some(progress) = told.recv().await {
        whole = progress.is_ok_and(|progress| progress.done);
    }
    assert_eq!(whole, store.target().exists(), "a whole copy or none");
    assert_eq!(store.db.copy_to(&store.target()).map(drop).unwrap_err().code, Code::Unavailable);
}
