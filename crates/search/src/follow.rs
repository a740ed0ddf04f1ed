//! Keeps an index at what it is derived from: reads on from where it stands, changes it, commits, and says how far behind it is.
//!
//! While something comes, it commits twice a second; while there is much to catch up with, seldom, since each commit costs a few
//! fsyncs and a segment. While nothing comes it only asks for the head now and then, and holds neither threads nor memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use anser_types::{Clock, Error, Result, Timestamp};
use tantivy::{Searcher, TantivyDocument, query::Query};
use tokio::time::{Instant, sleep};

use crate::volume::{Mark, Pen, Volume, broken};

/// How often it is asked for more, while something comes.
const LOOK_BUSY: Duration = Duration::from_millis(250);
/// The same while nothing comes.
const LOOK_IDLE: Duration = Duration::from_millis(500);
/// From one commit to the next, at least.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// The same while there is much to catch up with.
const COMMIT_CATCHING_UP: Duration = Duration::from_secs(5);
/// Changes that one commit has at most.
const COMMIT_CHANGES: usize = 20_000;
/// After so long without anything, threads and memory are given back.
const REST_AFTER: Duration = Duration::from_secs(20);
/// So far behind, answers say that there may be more.
const BEHIND: i64 = 1_000;
/// From one cleaning to the next: what was deleted has left the files after twice that.
const CLEAN_EVERY_MS: i64 = 12 * 3_600 * 1_000;
/// Errors in a row after which the index is made again.
const PATIENCE: u32 = 5;
/// The pause after an error.
const PAUSE: Duration = Duration::from_secs(1);

/// What an index is derived from.
#[async_trait::async_trait]
pub trait Source: Send + Sync + 'static {
    /// The index's name.
    fn name(&self) -> &'static str;

    /// The place before everything.
    fn beginning(&self) -> i64;

    /// What comes after a place, in order.
    async fn read_on(&self, after: i64) -> Result<Batch>;

    /// What has gone by itself by now, if anything can.
    fn gone_by(&self, now: Timestamp) -> Option<Box<dyn Query>>;

    /// Something new can be searched.
    fn committed(&self, searcher: &Searcher);
}

/// Some of what is to be known.
pub struct Batch {
    /// What it means for the index.
    pub changes: Vec<Change>,
    /// Through which place it goes.
    pub through: i64,
    /// The last place there is.
    pub head: i64,
}

/// What becomes of one entry of the index.
pub struct Change {
    /// What there may be of it.
    pub old: Option<Box<dyn Query>>,
    /// What there is to be.
    pub new: Option<TantivyDocument>,
}

/// How an index stands; searches and `/readyz` look at it.
#[derive(Default)]
pub struct Progress(AtomicU8);

const CURRENT: u8 = 1;
const LATE: u8 = 2;

impl Progress {
    /// Whether all that is older than a moment is found.
    pub fn is_current(&self) -> bool {
        self.0.load(Ordering::Relaxed) == CURRENT
    }

    /// Whether it is known to be behind; just after the start nobody knows.
    pub fn is_late(&self) -> bool {
        self.0.load(Ordering::Relaxed) == LATE
    }

    fn set(&self, state: u8) {
        self.0.store(state, Ordering::Relaxed);
    }
}

/// Follows one source into one index.
pub struct Follower<S> {
    source: S,
    volume: Arc<Volume>,
    clock: Clock,
    progress: Arc<Progress>,
    memory: usize,
    epoch: [u8; 16],
    pen: Option<Pen>,
    opened: bool,
    /// How far was read, and how far was committed.
    read: Mark,
    committed: Mark,
    /// Changes since then, and when the first of them came.
    pending: usize,
    pending_since: Option<Instant>,
    /// The index began empty and has not caught up yet.
    making: bool,
    changed_at: Instant,
    failures: u32,
}

impl<S: Source> Follower<S> {
    /// Follows `source`; `memory` is what changes may take before they are written out.
    pub fn new(
        source: S,
        volume: Arc<Volume>,
        epoch: [u8; 16],
        memory: usize,
        clock: Clock,
        progress: Arc<Progress>,
    ) -> Self {
        let mark = Mark { epoch, through: source.beginning(), cleaned_at: clock.now() };
        Self {
            source,
            volume,
            clock,
            progress,
            memory,
            epoch,
            pen: None,
            opened: false,
            read: mark.clone(),
            committed: mark,
            pending: 0,
            pending_since: None,
            making: false,
            changed_at: Instant::now(),
            failures: 0,
        }
    }

    /// Follows for ever.
    pub async fn run(mut self) {
        loop {
            let pause = match self.step().await {
                Ok(pause) => {
                    self.failures = 0;
                    pause
                }
                Err(error) => {
                    self.failed(&error);
                    PAUSE
                }
            };
            sleep(pause).await;
        }
    }

    /// Reads some, and commits when it is time; answers when to look again.
    pub async fn step(&mut self) -> Result<Duration> {
        if !self.opened {
            self.open().await?;
        }
        if self.volume.is_damaged() {
            self.begin_again("its files cannot be read").await?;
        }
        let batch = self.source.read_on(self.read.through).await?;
        if batch.head < self.read.through {
            self.begin_again("it has read further than the log goes").await?;
            return Ok(Duration::ZERO);
        }
        let (Batch { changes, through, head }, name) = (batch, self.source.name());
        if !changes.is_empty() {
            let count = changes.len();
            self.write(move |pen, volume| put(pen, volume, changes)).await?;
            self.pending += count;
            self.pending_since.get_or_insert_with(Instant::now);
            self.changed_at = Instant::now();
            metrics::counter!("anser_search_indexed_total", "index" => name).increment(count as u64);
        }
        self.read.through = through;
        let caught_up = through >= head;
        if head - through > BEHIND || (self.making && !caught_up) {
            self.progress.set(LATE);
        }
        if self.is_time_to_commit(caught_up) {
            self.commit().await?;
        }
        if caught_up {
            self.making = false;
            self.progress.set(CURRENT);
        }
        let missing = (head - through) as f64 + self.pending as f64;
        metrics::gauge!("anser_search_behind", "index" => name).set(missing);
        if caught_up && self.pending == 0 {
            self.keep_house().await?;
        }
        Ok(match caught_up {
            false => Duration::ZERO,
            true if self.changed_at.elapsed() < REST_AFTER => LOOK_BUSY,
            true => LOOK_IDLE,
        })
    }

    /// Reads and commits all there is.
    #[cfg(test)]
    pub(crate) async fn settle(&mut self) -> Result<()> {
        loop {
            let outcome = self.step().await;
            if let Err(error) = outcome {
                self.failed(&error);
                return Err(error);
            }
            if self.pending > 0 && self.progress.is_current() {
                self.commit().await?;
            } else if self.progress.is_current() {
                return Ok(());
            }
        }
    }

    /// Goes on where the index is, or begins it.
    async fn open(&mut self) -> Result<()> {
        let epoch = self.epoch;
        let mark = self.write(move |_, volume| volume.open(epoch)).await?;
        (self.opened, self.making, self.pen) = (true, mark.is_none(), None);
        if let Some(mark) = mark {
            (self.read, self.committed) = (mark.clone(), mark);
        }
        Ok(())
    }

    fn is_time_to_commit(&self, caught_up: bool) -> bool {
        let Some(since) = self.pending_since else { return false };
        let every = if caught_up { COMMIT_EVERY } else { COMMIT_CATCHING_UP };
        // What comes after a quiet time, or ends the catching up, is not kept waiting.
        let rested = self.pen_rests() || (self.making && caught_up);
        rested || self.pending >= COMMIT_CHANGES || since.elapsed() >= every
    }

    /// Whether this is the first commit since a rest.
    fn pen_rests(&self) -> bool {
        self.pen.as_ref().is_none_or(|pen| !pen.has_committed())
    }

    async fn commit(&mut self) -> Result<()> {
        let mark = self.read.clone();
        self.write(move |pen, volume| pen.commit(volume, &mark)).await?;
        self.committed = self.read.clone();
        (self.pending, self.pending_since) = (0, None);
        if let Some(searcher) = self.volume.searcher() {
            self.source.committed(&searcher);
        }
        Ok(())
    }

    /// What is done when there is nothing else to do: clean, rest.
    async fn keep_house(&mut self) -> Result<()> {
        let now = self.clock.now();
        if now - self.committed.cleaned_at >= CLEAN_EVERY_MS {
            let gone = self.source.gone_by(now);
            let volume = self.volume.clone();
            self.write(move |pen, volume| delete(pen, volume, gone)).await?;
            self.read.cleaned_at = now;
            self.commit().await?;
            self.write(|pen, volume| pen.clean(volume)).await?;
            let sound = tokio::task::spawn_blocking(move || volume.is_sound()).await;
            if !sound.unwrap_or(false) {
                self.volume.give_up();
            }
        }
        if self.changed_at.elapsed() >= REST_AFTER && self.pen.is_some() {
            if self.read != self.committed {
                self.commit().await?;
            }
            self.write(|pen, _| {
                pen.rest();
                Ok(())
            })
            .await?;
            self.pen = None;
        }
        Ok(())
    }

    async fn begin_again(&mut self, why: &'static str) -> Result<()> {
        tracing::warn!(index = self.source.name(), why, "the index is made again");
        metrics::counter!("anser_search_rebuilds_total", "index" => self.source.name()).increment(1);
        self.progress.set(LATE);
        self.pen = None;
        self.write(|_, volume| volume.begin()).await?;
        let now = self.clock.now();
        self.read = Mark { epoch: self.epoch, through: self.source.beginning(), cleaned_at: now };
        self.committed = self.read.clone();
        (self.pending, self.pending_since, self.making) = (0, None, true);
        Ok(())
    }

    /// What was not committed is read again.
    fn failed(&mut self, error: &Error) {
        tracing::warn!(index = self.source.name(), %error, "the index could not be brought up to date");
        if let Some(pen) = &mut self.pen {
            pen.drop_all();
        }
        self.read = self.committed.clone();
        (self.pending, self.pending_since) = (0, None);
        self.failures += 1;
        if self.failures >= PATIENCE {
            self.progress.set(LATE);
        }
    }

    /// Does something that blocks.
    async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Pen, &Volume) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut pen = self.pen.take().unwrap_or_else(|| Pen::new(self.memory));
        let volume = self.volume.clone();
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut pen, &volume);
            (pen, outcome)
        });
        // A panic comes from files that are not what they were.
        let (pen, outcome) = done.await.map_err(|error| {
            self.volume.give_up();
            broken(self.source.name(), &error)
        })?;
        self.pen = Some(pen);
        if outcome.is_err() && self.failures + 1 >= PATIENCE {
            self.volume.give_up();
        }
        outcome
    }
}

fn put(pen: &mut Pen, volume: &Volume, changes: Vec<Change>) -> Result<()> {
    for Change { old, new } in changes {
        delete(pen, volume, old)?;
        if let Some(document) = new {
            pen.writer(volume)?.add_document(document).map_err(|error| broken("index", &error))?;
        }
    }
    Ok(())
}

fn delete(pen: &mut Pen, volume: &Volume, old: Option<Box<dyn Query>>) -> Result<()> {
    let Some(old) = old else { return Ok(()) };
    pen.writer(volume)?.delete_query(old).map(|_| ()).map_err(|error| broken("index", &error))
}
