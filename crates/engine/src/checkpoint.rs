//! Checkpoints: the write-ahead log is copied into the store's file off the commit path.
//!
//! A thread with a connection of its own copies whenever some MiB are new; commits go on meanwhile. Above
//! [`CheckpointLimits::finish_above`] the writer finishes between two commits, while no question runs: what is left to
//! copy is little then, and the next commit starts the log again at its beginning. The file keeps its size (writing in
//! place is what makes an fsync cheap), except where a recall wants its words gone: then it is truncated.
//!
//! The same thread looks at the free space each second.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anser_types::{Error, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::time::Instant;

use crate::{
    Durability,
    failpoint::failpoint,
    failure::Fatal,
    readers::{Gate, LONGEST},
    space::Space,
    sqlite::{FRAME, Faults, map_error, open_writer},
    writer,
};

const MIB: u64 = 1 << 20;
const TICK: Duration = Duration::from_secs(1);
/// How long the writer waits for running questions, when it could also finish a little later.
const SHORT: Duration = Duration::from_millis(100);

/// How large the write-ahead log may grow, in bytes, and how long words may stay in it.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointLimits {
    /// Copied in the background when this much is new.
    pub copy_above: u64,
    /// Started again at the next chance.
    pub finish_above: u64,
    /// The writer waits for readers rather than let it grow on.
    pub never_above: u64,
    /// How long after a recall the log is emptied; leaves time to try again within a minute.
    pub truncate_after: Duration,
}

impl Default for CheckpointLimits {
    fn default() -> Self {
        Self {
            copy_above: 4 * MIB,
            finish_above: 32 * MIB,
            never_above: 56 * MIB,
            truncate_after: Duration::from_secs(20),
        }
    }
}

/// How a checkpoint is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finish {
    /// The next commit writes at the log's beginning.
    Restart,
    /// The log's file is emptied.
    Truncate,
}

/// What is known about the write-ahead log; shared by the writer and the copying thread.
pub(crate) struct Journal {
    limits: CheckpointLimits,
    /// Bytes in use.
    used: AtomicU64,
    /// Bytes of them that stand in the store's file already.
    copied: AtomicU64,
    /// Held while pages are copied: SQLite refuses a second checkpoint rather than let it wait.
    turn: Mutex<()>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    asked: bool,
    closed: bool,
    truncate_at: Option<Instant>,
}

impl Journal {
    /// Watches the log through the commits of `connection`, the writer's.
    pub(crate) fn watch(connection: &mut Connection, limits: CheckpointLimits) -> Result<Arc<Self>> {
        let journal = Self::empty(limits);
        let counting = journal.clone();
        connection
            .wal_hook(Some(move |_: &mut _, pages: i32| {
                let used = u64::try_from(pages).unwrap_or(0) * FRAME;
                // Where everything was copied and nobody read, SQLite starts the log again by itself.
                if used < counting.used.swap(used, Ordering::Relaxed) {
                    counting.copied.store(0, Ordering::Relaxed);
                }
                Ok(())
            }))
            .map_err(map_error)?;
        Ok(journal)
    }

    /// Of a store that nobody writes to.
    pub(crate) fn empty(limits: CheckpointLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            used: AtomicU64::new(0),
            copied: AtomicU64::new(0),
            turn: Mutex::new(()),
            state: Mutex::new(State::default()),
            wake: Condvar::new(),
        })
    }

    /// The log's file is emptied within a minute.
    pub(crate) fn schedule_truncate(&self) {
        let mut state = self.state.lock();
        state.truncate_at.get_or_insert_with(|| Instant::now() + self.limits.truncate_after);
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn not_copied(&self) -> u64 {
        self.used().saturating_sub(self.copied.load(Ordering::Relaxed))
    }

    fn ask_for_copy(&self) {
        let mut state = self.state.lock();
        if !state.asked {
            state.asked = true;
            self.wake.notify_one();
        }
    }
}

/// The writer's part: finishing, between two commits.
pub(crate) struct Finisher {
    pub(crate) journal: Arc<Journal>,
    pub(crate) gate: Gate,
    /// After waiting in vain: how large the log must be before the writer waits again.
    pub(crate) patience: u64,
}

impl Finisher {
    pub(crate) fn between_commits(&mut self, connection: &Connection, faults: &Faults, asked: Option<Finish>) {
        let journal = self.journal.clone();
        if let Some(finish) = asked {
            if let Some(_turn) = journal.turn.try_lock() {
                self.finish(connection, faults, finish, SHORT);
            }
        } else if journal.used() > journal.limits.never_above.max(self.patience) {
            let _turn = journal.turn.lock();
            if !self.finish(connection, faults, Finish::Restart, LONGEST + SHORT) {
                tracing::warn!(wal_bytes = journal.used(), "a reader keeps the write-ahead log from starting again");
                self.patience = journal.used() + 8 * MIB;
            }
        } else if journal.not_copied() > journal.limits.copy_above {
            journal.ask_for_copy();
        }
    }

    fn finish(&mut self, connection: &Connection, faults: &Faults, finish: Finish, wait: Duration) -> bool {
        let began = Instant::now();
        // Nearly all is copied while questions go on, so that they wait for a moment only.
        if let Err(error) = checkpoint(connection, faults, "PRAGMA wal_checkpoint(PASSIVE)", "copy") {
            tracing::warn!(%error, "the write-ahead log could not be copied");
            return false;
        }
        let done = self.gate.when_quiet(wait, || {
            failpoint("checkpoint");
            let (sql, kind) = match finish {
                Finish::Restart => ("PRAGMA wal_checkpoint(RESTART)", "restart"),
                Finish::Truncate => ("PRAGMA wal_checkpoint(TRUNCATE)", "truncate"),
            };
            checkpoint(connection, faults, sql, kind)
        });
        let finished = matches!(done, Some(Ok(Copied { all: true, .. })));
        if finished {
            self.journal.used.store(0, Ordering::Relaxed);
            self.journal.copied.store(0, Ordering::Relaxed);
            self.patience = 0;
            if finish == Finish::Truncate {
                self.journal.state.lock().truncate_at = None;
            }
        }
        metrics::histogram!("anser_store_checkpoint_stall_seconds").record(began.elapsed().as_secs_f64());
        finished
    }
}

/// The copying thread.
pub(crate) struct Copier {
    connection: Connection,
    faults: Faults,
    journal: Arc<Journal>,
    writer: Arc<writer::Shared>,
    space: Arc<Space>,
    fatal: Arc<Fatal>,
}

impl Copier {
    pub(crate) fn start(
        path: &Path,
        durability: Durability,
        journal: Arc<Journal>,
        writer: Arc<writer::Shared>,
        space: Arc<Space>,
        fatal: Arc<Fatal>,
    ) -> Result<JoinHandle<()>> {
        let faults = Faults::default();
        let connection = open_writer(path, durability, &faults)?;
        let copier = Self { connection, faults, journal, writer, space, fatal };
        thread::Builder::new()
            .name("db-copy".into())
            .spawn(move || copier.forever())
            .map_err(|error| Error::internal(format!("cannot start the checkpoints: {error}")))
    }

    fn forever(self) {
        let mut measured = Instant::now();
        while let Some(Turn { copy, truncate }) = self.next() {
            if measured.elapsed() >= TICK {
                measured = Instant::now();
                self.space.measure();
                metrics::gauge!("anser_store_wal_bytes").set(self.journal.used() as f64);
            }
            let large = self.journal.used() > self.journal.limits.finish_above;
            if copy || large || truncate {
                self.copy();
            }
            if self.fatal.struck() {
                self.writer.nudge();
                return;
            }
            if truncate {
                self.writer.finish(Finish::Truncate);
            } else if self.journal.used() > self.journal.limits.finish_above {
                self.writer.finish(Finish::Restart);
            }
        }
    }

    fn next(&self) -> Option<Turn> {
        let mut state = self.journal.state.lock();
        if !state.asked && !state.closed {
            self.journal.wake.wait_for(&mut state, TICK);
        }
        let truncate = state.truncate_at.is_some_and(|at| at <= Instant::now());
        let copy = std::mem::take(&mut state.asked);
        (!state.closed).then_some(Turn { copy, truncate })
    }

    fn copy(&self) {
        let _turn = self.journal.turn.lock();
        let copied = checkpoint(&self.connection, &self.faults, "PRAGMA wal_checkpoint(PASSIVE)", "copy");
        failpoint("checkpoint");
        match copied {
            Ok(copied) => self.journal.copied.store(copied.bytes, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be copied"),
        }
        if self.faults.take_full() {
            self.space.full();
        }
        if let Some(reason) = self.faults.take_io() {
            self.fatal.strike(&reason);
        }
    }
}

struct Turn {
    copy: bool,
    truncate: bool,
}

struct Copied {
    bytes: u64,
    /// Nothing stood in the way: the whole log was copied, and no reader needs it.
    all: bool,
}

fn checkpoint(connection: &Connection, faults: &Faults, sql: &'static str, kind: &'static str) -> Result<Copied> {
    let began = Instant::now();
    let copied = connection
        .query_row(sql, [], |row| {
            let copied = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
            Ok(Copied { bytes: copied * FRAME, all: row.get::<_, i64>(0)? == 0 })
        })
        .map_err(|error| faults.tell(error));
    metrics::histogram!("anser_store_checkpoint_seconds", "kind" => kind).record(began.elapsed().as_secs_f64());
    copied
}
