//! The one writer: takes what queued while the previous commit ran, commits once, answers.
//!
//! Each commit takes the services' closures first (at most 64 or 5 ms of them), then one pull of the lane, so that a
//! flood of messages never keeps a login waiting and the other way round.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anser_types::{Code, Error, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::{sync::watch, time::Instant};

use crate::{
    Lane,
    checkpoint::{Finish, Finisher},
    copy::CopyJob,
    failpoint::failpoint,
    failure::{Fatal, failed},
    job::Job,
    lock::StoreLock,
    round::Round,
    space::Space,
    sqlite::Faults,
};

const CLOSURES_A_COMMIT: usize = 64;
/// After a lost round: so that an error that stays does not spin.
const BREATH: Duration = Duration::from_millis(5);

pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: usize,
}

/// What the writer's thread shares with everybody who wants something from it.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    on_lost: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    lane: Option<(Box<dyn Lane>, &'static str)>,
    lane_ready: bool,
    finish: Option<Finish>,
    copy: Option<CopyJob>,
    copying: bool,
    closed: bool,
    failed: bool,
}

/// What the writer's thread needs besides its connection.
pub(crate) struct Parts {
    pub(crate) fatal: Arc<Fatal>,
    pub(crate) space: Arc<Space>,
    pub(crate) finisher: Finisher,
    pub(crate) emitted: watch::Sender<u64>,
    /// The directory stays ours as long as this thread may write.
    pub(crate) _lock: Arc<StoreLock>,
}

impl Writer {
    pub(crate) fn new(queue: usize) -> Self {
        Self { shared: Arc::default(), queue }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Starts the thread. It gives the connection back when it has flushed what waited at the close.
    pub(crate) fn start(&self, connection: Connection, parts: Parts) -> Result<JoinHandle<Connection>> {
        let shared = self.shared.clone();
        let run = Run { faults: Faults::default(), shared, lane: None, parts };
        thread::Builder::new()
            .name("db-write".into())
            .spawn(move || run.forever(connection))
            .map_err(|error| Error::internal(format!("cannot start the writer: {error}")))
    }

    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.failed {
            return Err(failed());
        }
        if state.closed {
            return Err(Error::unavailable("the store is closed"));
        }
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

    /// Has the store copied, a slice between two commits; one copy at a time.
    pub(crate) fn copy(&self, job: CopyJob) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.closed || state.failed {
            return Err(Error::unavailable("the store is closed"));
        }
        if state.copying {
            return Err(Error::unavailable("another copy of the store is being made"));
        }
        state.copying = true;
        state.copy = Some(job);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    pub(crate) fn on_lost(&self, callback: Box<dyn Fn() + Send>) {
        self.shared.on_lost.lock().push(callback);
    }

    /// Refuses what comes from now on; what waits is still done.
    pub(crate) fn close(&self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Asks the writer to finish a checkpoint between two commits.
    pub(crate) fn finish(&self, finish: Finish) {
        let mut state = self.state.lock();
        state.finish = state.finish.max(Some(finish));
        drop(state);
        self.wake.notify_one();
    }

    /// Lets the writer see that the store has failed elsewhere. The lock keeps the news from falling between its look
    /// and its sleep.
    pub(crate) fn nudge(&self) {
        let _state = self.state.lock();
        self.wake.notify_one();
    }
}

/// The writer's thread.
struct Run {
    faults: Faults,
    shared: Arc<Shared>,
    lane: Option<(Box<dyn Lane>, &'static str)>,
    parts: Parts,
}

struct Work {
    jobs: Vec<Box<dyn Job>>,
    lane: bool,
    finish: Option<Finish>,
    copy: Option<CopyJob>,
}

impl Run {
    fn forever(mut self, connection: Connection) -> Connection {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            while let Some(mut work) = self.next(None) {
                let copy = work.copy.take();
                self.turn(&connection, work);
                if let Some(copy) = copy {
                    // Work goes on between two slices of the copy.
                    copy.make(&connection, |wait| {
                        self.next(Some(wait)).is_some_and(|work| self.turn(&connection, work))
                    });
                    self.shared.state.lock().copying = false;
                }
                if self.parts.fatal.struck() {
                    break;
                }
            }
        }));
        if ended.is_err() {
            // The panic of a closure does not get here. A writer in an unknown state must not go on.
            self.parts.fatal.strike("the writer panicked");
        }
        if self.parts.fatal.struck() {
            self.refuse_all();
            self.parts.fatal.end();
        }
        connection
    }

    /// Does what waits; answers whether the writer may go on.
    fn turn(&mut self, connection: &Connection, work: Work) -> bool {
        if work.lane || !work.jobs.is_empty() {
            self.commit(connection, work.jobs, work.lane);
        }
        self.care(connection, work.finish);
        !self.has_failed()
    }

    /// Waits for work, or for as long as it may; then the work may be empty. `None`: the store is closed and everything
    /// is done.
    fn next(&mut self, longest: Option<Duration>) -> Option<Work> {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        let mut waited = false;
        loop {
            if let Some(lane) = state.lane.take() {
                self.lane = Some(lane);
            }
            let lane = std::mem::take(&mut state.lane_ready) && self.lane.is_some();
            let count = state.jobs.len().min(CLOSURES_A_COMMIT);
            let finish = state.finish.take();
            let copy = state.copy.take();
            if lane || count > 0 || finish.is_some() || copy.is_some() || waited || self.parts.fatal.struck() {
                metrics::gauge!("anser_store_queue_depth").set((state.jobs.len() - count) as f64);
                return Some(Work { jobs: state.jobs.drain(..count).collect(), lane, finish, copy });
            }
            if state.closed {
                return None;
            }
            match longest {
                None => shared.wake.wait(&mut state),
                Some(longest) => waited = longest.is_zero() || shared.wake.wait_for(&mut state, longest).timed_out(),
            }
        }
    }

    fn commit(&mut self, connection: &Connection, mut jobs: Vec<Box<dyn Job>>, lane_ready: bool) {
        let began = Instant::now();
        let rows = connection.total_changes();
        let mut round = Round::begin(connection, &self.faults);
        let outcomes = round.closures(&mut jobs);
        let lane_outcome = match self.lane.as_mut() {
            Some((lane, service)) if lane_ready => round.lane(lane.as_mut(), service),
            _ => None,
        };
        let committing = Instant::now();
        let ended = round.end();
        if ended.committed {
            metrics::histogram!("anser_store_commit_seconds").record(committing.elapsed().as_secs_f64());
            metrics::counter!("anser_store_commits_total").increment(1);
        }
        metrics::counter!("anser_store_rows_total").increment(connection.total_changes() - rows);
        failpoint("between_commit_and_ack");

        // An I/O error that a closure swallowed, or that a checkpoint met meanwhile, counts for everybody.
        let mut outcome = ended.outcome;
        if self.has_failed() {
            outcome = Err(failed());
        }
        // What did not fit goes first next time; in a lost round it is lost like the rest.
        if outcome.is_ok() {
            let mut state = self.shared.state.lock();
            for job in jobs.drain(outcomes.len()..).rev() {
                state.jobs.push_front(job);
            }
        }
        match &outcome {
            Ok(()) => self.tell(ended.effects, ended.emitted),
            Err(error) => self.lost(error),
        }
        let ran = outcomes.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        for (job, ran) in jobs.into_iter().zip(ran) {
            let outcome = outcome.clone().and_then(|()| ran.unwrap_or(Ok(())));
            quietly("an answer", || job.finish(outcome));
        }
        if let Some((lane, _)) = self.lane.as_mut() {
            if let Some(ran) = lane_outcome {
                quietly("the lane", || lane.finish(outcome.clone().and(ran)));
            }
            if lane.ready() {
                self.shared.state.lock().lane_ready = true;
            }
        }
        metrics::histogram!("anser_store_round_seconds").record(began.elapsed().as_secs_f64());
        if outcome.is_err() {
            thread::sleep(BREATH);
        }
    }

    /// What follows a commit, before its answers leave.
    fn tell(&self, effects: Vec<Box<dyn FnOnce() + Send>>, emitted: bool) {
        for effect in effects {
            quietly("an effect of a commit", effect);
        }
        if emitted {
            self.parts.emitted.send_modify(|count| *count += 1);
        }
    }

    fn lost(&self, error: &Error) {
        metrics::counter!("anser_store_lost_total").increment(1);
        if error.code != Code::StorageFull {
            tracing::warn!(%error, "a transaction was lost");
        }
        for callback in self.shared.on_lost.lock().iter() {
            quietly("a callback for a lost transaction", callback);
        }
    }

    /// Whether the store has failed, as far as the writer can see. Notes a full disk on the way.
    fn has_failed(&self) -> bool {
        if self.faults.take_full() {
            self.parts.space.full();
        }
        if let Some(reason) = self.faults.take_io() {
            self.parts.fatal.strike(&reason);
        }
        self.parts.fatal.struck()
    }

    /// Keeps the write-ahead log small, between two commits.
    fn care(&mut self, connection: &Connection, asked: Option<Finish>) {
        let Self { faults, parts, .. } = self;
        parts.finisher.between_commits(connection, faults, asked);
    }

    /// Answers what still waits, and what comes, with an error.
    fn refuse_all(&mut self) {
        let mut state = self.shared.state.lock();
        state.failed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        for job in jobs {
            quietly("an answer", || job.finish(Err(failed())));
        }
    }
}

/// Runs what belongs to somebody else; its panic must not end the writer.
fn quietly(what: &str, work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!(what, "panicked after a commit");
        metrics::counter!("anser_store_panics_total").increment(1);
    }
}
