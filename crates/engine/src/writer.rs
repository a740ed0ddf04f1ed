//! The one writer: takes what queued, runs each closure in a savepoint, commits once, answers.
//!
//! Each commit takes the services' closures first (at most 64 or 5 ms of them), then one pull of the lane, so that a
//! flood of messages never keeps a login waiting and the other way round.

use std::{collections::VecDeque, sync::Arc, thread, time::Duration};

use anser_types::{Code, Error, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use crate::{Reader, Tx, failpoint::failpoint, sqlite::map_error, tx::AfterCommit};

const CLOSURES_A_COMMIT: usize = 64;
const TIME_A_COMMIT: Duration = Duration::from_millis(5);

/// A second, wide lane into the writer, for work that comes in batches: sends.
///
/// For each commit the writer asks [`Lane::run`] once; what it does stands in a savepoint of its own. After the COMMIT
/// (or its failure) [`Lane::finish`] is told, and only then may outcomes leave.
pub trait Lane: Send {
    /// Whether something waits.
    fn ready(&self) -> bool;
    /// Takes what waits (bounded) and writes it. An error rolls the savepoint back.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// What became of the batch that `run` took.
    fn finish(&mut self, outcome: Result<()>);
}

/// A queued closure.
pub(crate) trait Job: Send {
    fn service(&self) -> &'static str;
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// `lost` replaces whatever the closure answered: its transaction did not reach the disk.
    fn finish(self: Box<Self>, lost: Option<Error>);
}

pub(crate) struct WriteJob<T, F> {
    service: &'static str,
    change: F,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> WriteJob<T, F> {
    pub(crate) fn new(service: &'static str, change: F, reply: oneshot::Sender<Result<T>>) -> Self {
        Self { service, change, outcome: None, reply }
    }
}

impl<T: Send, F: Fn(&mut Tx<'_>) -> Result<T> + Send> Job for WriteJob<T, F> {
    fn service(&self) -> &'static str {
        self.service
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let outcome = (self.change)(tx);
        let ran = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        ran
    }

    fn finish(mut self: Box<Self>, lost: Option<Error>) {
        let outcome = match lost {
            Some(error) => Err(error),
            None => self.outcome.take().unwrap_or_else(|| Err(Error::unavailable("the store is closed"))),
        };
        let _caller_gone = self.reply.send(outcome);
    }
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: usize,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    lane: Option<(Box<dyn Lane>, &'static str)>,
    lane_ready: bool,
    closed: bool,
}

impl Writer {
    pub(crate) fn start(connection: Connection, queue: usize) -> (Self, watch::Receiver<u64>) {
        let shared = Arc::new(Shared { state: Mutex::new(State::default()), wake: Condvar::new() });
        let (emitted, emitted_receiver) = watch::channel(0);
        let run = Run { connection, shared: shared.clone(), lane: None, emitted };
        thread::Builder::new().name("db-write".into()).spawn(move || run.forever()).expect("a thread for the writer");
        (Self { shared, queue }, emitted_receiver)
    }

    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.jobs.len() >= self.queue {
            return Err(Error::unavailable("too many changes are waiting"));
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    pub(crate) fn set_lane(&self, lane: Box<dyn Lane>, service: &'static str) {
        self.shared.state.lock().lane = Some((lane, service));
        self.wake_lane();
    }

    pub(crate) fn wake_lane(&self) {
        self.shared.state.lock().lane_ready = true;
        self.shared.wake.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_one();
    }
}

/// One durable commit: whatever recovery brought back is on stable storage after it.
pub(crate) fn settle(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; UPDATE engine_store SET starts = starts + 1; COMMIT;").map_err(map_error)
}

/// The writer's thread.
struct Run {
    connection: Connection,
    shared: Arc<Shared>,
    lane: Option<(Box<dyn Lane>, &'static str)>,
    emitted: watch::Sender<u64>,
}

/// One round's work: what one COMMIT covers.
struct Round {
    jobs: Vec<Box<dyn Job>>,
    lane: bool,
}

impl Run {
    fn forever(mut self) {
        while let Some(round) = self.next() {
            self.commit(round);
        }
    }

    fn next(&mut self) -> Option<Round> {
        let mut state = self.shared.state.lock();
        loop {
            if let Some(lane) = state.lane.take() {
                self.lane = Some(lane);
            }
            let lane = std::mem::take(&mut state.lane_ready) && self.lane.is_some();
            let count = state.jobs.len().min(CLOSURES_A_COMMIT);
            if lane || count > 0 {
                return Some(Round { jobs: state.jobs.drain(..count).collect(), lane });
            }
            if state.closed {
                return None;
            }
            self.shared.wake.wait(&mut state);
        }
    }

    fn commit(&mut self, mut round: Round) {
        let Self { connection, lane, shared, emitted } = self;
        let mut effects = Vec::new();
        let mut has_emitted = false;
        let mut ran = 0;
        let mut changed = false;
        let mut lost = connection.execute_batch("BEGIN IMMEDIATE").map_err(map_error).err();

        let until = Instant::now() + TIME_A_COMMIT;
        for job in &mut round.jobs {
            if lost.is_some() || (ran > 0 && Instant::now() > until) {
                break;
            }
            ran += 1;
            match savepoint(connection, job.service(), |tx| job.run(tx)) {
                Ok(done) => {
                    changed = true;
                    effects.extend(done.effects);
                    has_emitted |= done.emitted;
                }
                Err(error) => lost = still_stands(connection, error).err(),
            }
        }
        // What did not fit goes first next time.
        if ran < round.jobs.len() && lost.is_none() {
            let mut state = shared.state.lock();
            for job in round.jobs.drain(ran..).rev() {
                state.jobs.push_front(job);
            }
        }
        let mut lane_outcome = None;
        if round.lane
            && lost.is_none()
            && let Some((lane, service)) = lane.as_mut()
        {
            let outcome = savepoint(connection, service, |tx| lane.run(tx));
            lane_outcome = Some(match outcome {
                Ok(done) => {
                    changed = true;
                    effects.extend(done.effects);
                    has_emitted |= done.emitted;
                    Ok(())
                }
                Err(error) => {
                    lost = still_stands(connection, error.clone()).err();
                    Err(error)
                }
            });
        }

        failpoint("before_commit");
        if lost.is_none() {
            lost = end(connection, changed).err();
        }
        failpoint("between_commit_and_ack");
        if lost.is_none() {
            effects.into_iter().for_each(|effect| effect());
            if has_emitted {
                emitted.send_modify(|count| *count += 1);
            }
        }
        for job in round.jobs {
            job.finish(lost.clone());
        }
        if let Some((lane, _)) = lane.as_mut() {
            if let Some(outcome) = lane_outcome {
                lane.finish(lost.map_or(outcome, Err));
            }
            if lane.ready() {
                shared.state.lock().lane_ready = true;
            }
        }
    }
}

struct Done {
    effects: Vec<AfterCommit>,
    emitted: bool,
}

/// Runs one closure so that its failure undoes only what it did itself.
fn savepoint(
    connection: &Connection,
    service: &'static str,
    run: impl FnOnce(&mut Tx<'_>) -> Result<()>,
) -> Result<Done> {
    execute(connection, "SAVEPOINT closure")?;
    let mut tx = Tx { reader: Reader { connection }, service, after_commit: Vec::new(), emitted: false };
    match run(&mut tx) {
        Ok(()) => {
            let done = Done { effects: std::mem::take(&mut tx.after_commit), emitted: tx.emitted };
            execute(connection, "RELEASE closure")?;
            Ok(done)
        }
        Err(error) => {
            if !connection.is_autocommit() {
                execute(connection, "ROLLBACK TO closure")?;
                execute(connection, "RELEASE closure")?;
            }
            Err(error)
        }
    }
}

/// After a closure's error: whether the transaction around it still stands. SQLITE_FULL, IOERR, NOMEM and INTERRUPT
/// may have rolled back all of it; then everything in the round is lost, also what had succeeded.
fn still_stands(connection: &Connection, error: Error) -> Result<()> {
    if !connection.is_autocommit() {
        return Ok(());
    }
    Err(match error.code {
        Code::StorageFull => error,
        _ => Error::unavailable("the transaction was lost"),
    })
}

/// COMMIT, or ROLLBACK where nothing was changed (it costs no fsync).
fn end(connection: &Connection, changed: bool) -> Result<()> {
    if !changed {
        return execute(connection, "ROLLBACK");
    }
    execute(connection, "COMMIT").inspect_err(|_| {
        if !connection.is_autocommit() {
            let _nothing_left_to_do = execute(connection, "ROLLBACK");
        }
    })
}

fn execute(connection: &Connection, sql: &'static str) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(map_error)?;
    statement.execute([]).map(|_| ()).map_err(map_error)
}
