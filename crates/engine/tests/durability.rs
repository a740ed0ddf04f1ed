//! Durability itself: what an answer rests on, and what a failing disk leaves of it.
//!
//! A watched disk records writes and syncs in one order with the answers, so that "was this on the medium when it was
//! said" is a question about a list, and a power cut at any moment is a computation.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    future::Future,
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use anser_engine::{Db, DbOptions, Durability, Migration, OnFatal};
use anser_testkit::{Disk, Event, Fault, FaultKind, Image, On, Unsynced};
use anser_types::{Clock, Code, Error, Result};
use parking_lot::Mutex;
use tokio::sync::oneshot;

const NOTES: &[Migration] = &[Migration {
    service: "notes",
    number: 1,
    sql: "CREATE TABLE notes_note (id BIGINT NOT NULL, half SMALLINT NOT NULL, body VARCHAR(2000) NOT NULL,
                                   PRIMARY KEY (id, half))",
}];

/// Two halves, far enough apart to stand on several pages: there are both or none.
fn note(db: &Db, id: i64) -> impl Future<Output = Result<()>> + Send + use<> {
    let db = db.clone();
    async move {
        db.write(move |tx| {
            let body = "words ".repeat(300);
            for half in 0..2_i64 {
                tx.exec(
                    "INSERT INTO notes_note (id, half, body) VALUES (?, ?, ?)",
                    &[id.into(), half.into(), (&body).into()],
                )?;
            }
            Ok(())
        })
        .await
    }
}

/// Which notes are there; a half one is a torn transaction.
fn notes(rows: Vec<(i64, i64)>) -> Vec<i64> {
    let ids: Vec<i64> = rows.chunks(2).map(|halves| halves[0].0).collect();
    for (halves, id) in rows.chunks(2).zip(&ids) {
        assert_eq!(halves, [(*id, 0), (*id, 1)], "half a transaction");
    }
    ids
}

async fn visible(db: &Db) -> Vec<i64> {
    let rows = db.read(|reader| {
        reader.rows("SELECT id, half FROM notes_note ORDER BY id, half", &[], |row| Ok((row.int(0)?, row.int(1)?)))
    });
    notes(rows.await.unwrap())
}

/// Which notes a store has that starts from this image, as SQLite alone sees it.
fn stored(image: &Image) -> Vec<i64> {
    let dir = tempfile::tempdir().unwrap();
    image.write(dir.path());
    let connection = rusqlite::Connection::open(dir.path().join("anser.db")).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let Ok(mut statement) = connection.prepare("SELECT id, half FROM notes_note ORDER BY id, half") else {
        return Vec::new();
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    notes(rows.collect::<rusqlite::Result<_>>().unwrap())
}

fn options(dir: &Path) -> DbOptions {
    let mut options = DbOptions::new(dir);
    options.readers = 1;
    options.on_fatal = OnFatal::new(|_| {});
    options
}

fn open(options: &DbOptions) -> Db {
    Db::open(options, NOTES, Clock::system()).unwrap()
}

/// Notes the moment at which an answer is given: the waker is called by whoever gives it.
struct AtTheAnswer(Arc<Disk>, String, Mutex<Option<oneshot::Sender<()>>>);

impl Wake for AtTheAnswer {
    fn wake(self: Arc<Self>) {
        self.0.note(&self.1);
        if let Some(sender) = self.2.lock().take() {
            let _gone = sender.send(());
        }
    }
}

/// Waits for an answer that is not there yet, and lets the disk's log say when it came.
async fn observed<T>(disk: &Arc<Disk>, words: String, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let mut answer = pin!(answer);
    let (sender, given) = oneshot::channel();
    let waker = Waker::from(Arc::new(AtTheAnswer(disk.clone(), words, Mutex::new(Some(sender)))));
    if let Poll::Ready(early) = answer.as_mut().poll(&mut Context::from_waker(&waker)) {
        return early;
    }
    given.await.unwrap();
    match answer.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(Error::internal("woken without an answer")),
    }
}

/// Some dozens of notes, many at once, with checkpoints between them; each answer is noted as the note's number.
async fn recorded(durability: Durability) -> (tempfile::TempDir, Arc<Disk>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::watch(dir.path()));
    let mut options = options(disk.dir());
    options.durability = durability;
    options.checkpoint.copy_above = 100_000;
    options.checkpoint.finish_above = 200_000;
    let db = open(&options);
    for burst in 0..12 {
        let answers: Vec<_> = (0..burst % 5 + 1)
            .map(|place| {
                let (disk, id) = (disk.clone(), burst * 10 + place);
                let answer = note(&db, id);
                tokio::spawn(async move { observed(&disk, id.to_string(), answer).await })
            })
            .collect();
        for answer in answers {
            answer.await.unwrap().unwrap();
        }
    }
    drop(db);
    (dir, disk)
}

fn holds(image: &Image, words: &str) -> bool {
    stored(image).contains(&words.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_before_the_sync_that_covers_it() {
    let (_dir, disk) = recorded(Durability::Full).await;
    assert_eq!(disk.said_too_early(holds), Vec::<String>::new());
    let syncs =
        disk.log().iter().filter(|event| matches!(event, Event::Sync { file, .. } if file == "anser.db")).count();
    assert!(syncs >= 3, "checkpoints are part of the proof");
}

/// The proof above can fail: a store that does not wait for the disk is caught.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_wait_is_caught() {
    for durability in [Durability::Off, Durability::Normal] {
        let (_dir, disk) = recorded(durability).await;
        assert!(disk.said_too_early(holds).len() > 5, "{durability:?} answers before the sync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_moment_loses_nothing_answered() {
    let (_dir, disk) = recorded(Durability::Full).await;
    let log = disk.log();
    let made = log.iter().position(|event| matches!(event, Event::Note(_))).unwrap();
    for moment in disk.moments().skip(made).step_by(3) {
        let answered = log[..moment].iter().filter_map(|event| match event {
            Event::Note(words) => words.parse().ok(),
            _ => None,
        });
        let answered: Vec<i64> = answered.collect();
        for unsynced in [Unsynced::Gone, Unsynced::Kept, Unsynced::Torn(moment as u64)] {
            let there = stored(&disk.image(moment, unsynced));
            let lost: Vec<&i64> = answered.iter().filter(|id| !there.contains(id)).collect();
            assert!(lost.is_empty(), "{lost:?} lost by a cut at {moment}, {unsynced:?}");
        }
    }
}

/// Killed between the write of a commit and its sync, the kernel still has what the medium has not: the next start
/// must not show it before it is on the medium.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_after_a_restart_before_it_is_durable() {
    let (_dir, before) = recorded(Durability::Full).await;
    let mut only_cached = 0;
    let syncs = before.log().into_iter().filter_map(|event| match event {
        Event::Sync { file, began } if file == "anser.db-wal" => Some(began),
        _ => None,
    });
    for moment in syncs.skip(4).step_by(3) {
        let (synced, cached) = (before.image(moment, Unsynced::Gone), before.image(moment, Unsynced::Kept));
        only_cached += stored(&cached).len() - stored(&synced).len();
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(Disk::restarted(dir.path(), &synced, &cached));
        let db = open(&options(disk.dir()));
        let shown = visible(&db).await;
        assert_eq!(shown, stored(&cached));
        for id in shown {
            disk.note(id.to_string());
        }
        assert_eq!(disk.said_too_early(holds), Vec::<String>::new(), "at {moment}");
    }
    assert!(only_cached > 0, "there was something to get wrong");
}

/// What a fault did to a store with three notes, while a fourth was written.
struct Struck {
    outcome: Result<()>,
    injected: u64,
    ended: usize,
    db: Db,
    disk: Disk,
    options: DbOptions,
    _dir: tempfile::TempDir,
}

async fn struck(template: &Image, fault: Fault) -> Struck {
    let dir = tempfile::tempdir().unwrap();
    template.write(dir.path());
    let disk = Disk::watch(dir.path());
    let ended = Arc::new(AtomicUsize::new(0));
    let mut options = options(disk.dir());
    let count = ended.clone();
    options.on_fatal = OnFatal::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let db = open(&options);
    disk.arm(fault);
    let outcome = note(&db, 4).await;
    // Nobody waits for the end of the process: the answer leaves before.
    for _ in 0..200 {
        if ended.load(Ordering::SeqCst) > 0 || !matches!(&outcome, Err(error) if error.code == Code::Unavailable) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let injected = disk.heal();
    Struck { outcome, injected, ended: ended.load(Ordering::SeqCst), db, disk, options, _dir: dir }
}

async fn template() -> Image {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&options(dir.path()));
    for id in 1..=3 {
        note(&db, id).await.unwrap();
    }
    db.close().await;
    Image::read(dir.path())
}

impl Struck {
    /// After the fault: what was answered is there, on the medium and in a store that is opened again.
    async fn survives(self, answered: &[i64], what: &str) {
        let cut = stored(&self.disk.image(self.disk.moments().end - 1, Unsynced::Gone));
        assert!(answered.iter().all(|id| cut.contains(id)), "{what}: {answered:?} answered, {cut:?} on the medium");
        drop(self.db);
        let again = open(&self.options);
        let there = visible(&again).await;
        assert!(answered.iter().all(|id| there.contains(id)), "{what}: {answered:?} answered, {there:?} there");
        note(&again, 9).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_the_service_resumes() {
    let template = template().await;
    let mut hits = 0;
    for stays in [false, true] {
        for (on, nth) in (1..100).map(|nth| (On::Write, nth)) {
            let what = format!("write {nth}, stays: {stays}");
            let fault = Fault { on, file: None, nth, kind: FaultKind::Full, stays };
            let struck = struck(&template, fault).await;
            if struck.injected == 0 {
                assert_eq!(struck.outcome, Ok(()), "{what}");
                break;
            }
            hits += 1;
            let error = struck.outcome.clone().unwrap_err();
            assert!(error.code == Code::StorageFull && error.retryable(), "{what}: {error}");
            assert_eq!(struck.ended, 0, "{what}: a full disk does not end the process");
            assert_eq!(visible(&struck.db).await, [1, 2, 3], "{what}: reads go on");
            note(&struck.db, 4).await.unwrap();
            struck.survives(&[1, 2, 3, 4], &what).await;
        }
    }
    assert!(hits >= 6, "only {hits} writes were hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_disk_ends_the_answers() {
    let template = template().await;
    let mut hits = 0;
    let faults = [(On::Write, FaultKind::Broken), (On::Sync, FaultKind::Broken), (On::Sync, FaultKind::Full)];
    for (on, kind) in faults {
        for nth in 1..100 {
            let what = format!("{on:?} {nth}, {kind:?}");
            let struck = struck(&template, Fault { on, file: None, nth, kind, stays: nth % 2 == 0 }).await;
            if struck.injected == 0 {
                assert_eq!(struck.outcome, Ok(()), "{what}");
                break;
            }
            hits += 1;
            let error = struck.outcome.clone().unwrap_err();
            assert!(error.code == Code::Unavailable && error.retryable(), "{what}: {error}");
            assert_eq!(struck.ended, 1, "{what}: the process is ended");
            // The disk is well again, and still nothing is acknowledged.
            assert!(note(&struck.db, 5).await.is_err(), "{what}");
            struck.survives(&[1, 2, 3], &what).await;
        }
    }
    assert!(hits >= 5, "only {hits} operations were hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_the_log_may_find_no_room() {
    let template = template().await;
    let dir = tempfile::tempdir().unwrap();
    template.write(dir.path());
    let disk = Disk::watch(dir.path());
    disk.arm(Fault { on: On::Index, file: None, nth: 1, kind: FaultKind::Full, stays: true });
    let refused = Db::open(&options(disk.dir()), NOTES, Clock::system()).map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::StorageFull);
    disk.heal();
    assert_eq!(visible(&open(&options(disk.dir()))).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_a_full_disk_opens_for_reading() {
    let template = template().await;
    let dir = tempfile::tempdir().unwrap();
    template.write(dir.path());
    let disk = Disk::watch(dir.path());
    disk.arm(Fault { on: On::Write, file: None, nth: 1, kind: FaultKind::Full, stays: true });
    let db = open(&options(disk.dir()));
    assert_eq!(visible(&db).await, [1, 2, 3]);
    assert_eq!(note(&db, 4).await.unwrap_err().code, Code::StorageFull);
    assert_eq!(db.growth_allowed().unwrap_err().code, Code::StorageFull);
    disk.heal();
    note(&db, 4).await.unwrap();
    for _ in 0..300 {
        if db.growth_allowed().is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("space returned and nobody noticed");
}

/// Every operation of an opening fails once: it is refused or done, and the next opening finds everything.
#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_fails_leaves_the_store_as_it_was() {
    let template = template().await;
    for (on, kind) in [(On::Write, FaultKind::Full), (On::Write, FaultKind::Broken), (On::Sync, FaultKind::Broken)] {
        for nth in 1..100 {
            let dir = tempfile::tempdir().unwrap();
            template.write(dir.path());
            let disk = Disk::watch(dir.path());
            disk.arm(Fault { on, file: None, nth, kind, stays: false });
            let opened = Db::open(&options(disk.dir()), NOTES, Clock::system());
            let injected = disk.heal();
            assert!(injected > 0 || opened.is_ok());
            drop(opened);
            // What recovery read may stand on nothing: the next start copies the log.
            assert_eq!(disk.dir().join("store.failures").exists(), injected > 0 && kind == FaultKind::Broken);
            assert_eq!(visible(&open(&options(disk.dir()))).await, [1, 2, 3], "{on:?} {nth} {kind:?}");
            if injected == 0 {
                break;
            }
        }
    }
}

/// The first operations of checkpoints fail, one a run. A full disk is survived; a broken one ends the answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_fails_loses_nothing() {
    let template = template().await;
    for (on, kind) in [(On::Write, FaultKind::Full), (On::Write, FaultKind::Broken), (On::Sync, FaultKind::Broken)] {
        for nth in [1, 2, 3] {
            let dir = tempfile::tempdir().unwrap();
            template.write(dir.path());
            let disk = Disk::watch(dir.path());
            let mut options = options(disk.dir());
            options.checkpoint.copy_above = 40_000;
            options.checkpoint.finish_above = 80_000;
            let db = open(&options);
            disk.arm(Fault { on, file: Some("anser.db"), nth, kind, stays: false });
            let mut answered = vec![1, 2, 3];
            let mut refused = 0;
            for id in 10..50 {
                match note(&db, id).await {
                    Ok(()) => answered.push(id),
                    Err(error) => {
                        assert!(error.retryable());
                        refused += 1;
                    }
                }
            }
            let what = format!("{on:?} {nth} {kind:?}: {answered:?} answered");
            assert_eq!(disk.heal(), 1, "{what}");
            assert_eq!(refused > 0, kind == FaultKind::Broken, "{what}");
            let cut = stored(&disk.image(disk.moments().end - 1, Unsynced::Gone));
            assert!(answered.iter().all(|id| cut.contains(id)), "{what}, {cut:?} on the medium");
            drop(db);
            let there = visible(&open(&options)).await;
            assert!(answered.iter().all(|id| there.contains(id)), "{what}, {there:?} there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_leaves_the_log_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.checkpoint.truncate_after = Duration::ZERO;
    let db = open(&options);
    db.write(|tx| tx.exec("INSERT INTO notes_note VALUES (1, 0, 'a secret word')", &[])).await.unwrap();
    db.write(|tx| tx.exec("DELETE FROM notes_note", &[])).await.unwrap();
    let found = || {
        ["anser.db", "anser.db-wal"].into_iter().any(|file| {
            let content = std::fs::read(dir.path().join(file)).unwrap();
            content.windows(13).any(|words| words == b"a secret word")
        })
    };
    assert!(found());
    db.schedule_truncate();
    for _ in 0..500 {
        if !found() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the words are still there");
}
