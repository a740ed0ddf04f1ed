//! [`Db`]: the embedded store. One writer thread for all services, a pool of readers, one file.
//!
//! `write` is the only way to change anything. Closures of all services queue to the writer; each runs in a savepoint
//! of its own; one COMMIT (one fsync) covers all that queued while the previous commit ran; answers leave after it.
//! Closures are synchronous: nothing can be awaited inside a transaction, hence no remote call under a lock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use anser_contract::v1::CopyProgress;
use anser_types::{Clock, Error, Result};
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use crate::{
    Lane, Reader, Tx,
    checkpoint::{CheckpointLimits, Copier, Finisher, Journal},
    copy::CopyJob,
    data_dir,
    failure::{self, Fatal, OnFatal},
    job::WriteJob,
    lock::StoreLock,
    migrate::{self, Migration},
    readers::{self, Readers},
    restore, scope,
    space::{Space, SpaceLimits},
    sqlite::{self, Faults},
    writer::{Parts, Writer},
};

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The commit waits for the disk: survives a power cut.
    Full,
    /// The commit does not wait: survives a crash of the process only. Opt-in.
    Normal,
    /// Never waits at all. For proving that the durability tests see it.
    Off,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// The folder of the store; the file in it is `anser.db`. Made if it is not there.
    pub dir: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
    /// How many threads read.
    pub readers: usize,
    /// How many closures may wait for the writer before `unavailable`.
    pub queue: usize,
    /// When a nearly full disk refuses what.
    pub space: SpaceLimits,
    /// How large the write-ahead log may grow.
    pub checkpoint: CheckpointLimits,
    /// What to do when the disk failed: end the process.
    pub on_fatal: OnFatal,
}

impl DbOptions {
    /// A durable store in `dir` with the default sizes.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::Full,
            readers: 3,
            queue: 4_096,
            space: SpaceLimits::default(),
            checkpoint: CheckpointLimits::default(),
            on_fatal: OnFatal::default(),
        }
    }
}

/// A handle to the store. Cloning is cheap; the threads end with the last handle, or at [`Db::close`].
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    service: &'static str,
    deadline: Option<Instant>,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    journal: Arc<Journal>,
    space: Arc<Space>,
    clock: Clock,
    epoch: [u8; 16],
    emitted: watch::Receiver<u64>,
    path: PathBuf,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    /// None: nobody writes.
    writer: Option<JoinHandle<Connection>>,
    others: Vec<JoinHandle<()>>,
    lock: Option<Arc<StoreLock>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.journal.close();
    }
}

impl Db {
    /// Opens (or makes) the store, migrates it, and makes one durable commit, so that everything a reader can see from
    /// now on is on stable storage. Refused: a directory in use, a store written by a newer version, a disk that
    /// failed too often.
    pub fn open(options: &DbOptions, migrations: &[Migration], clock: Clock) -> Result<Self> {
        Self::open_at(options, Some(migrations), clock)
    }

    /// The same with the schema left as it is: for those who look at nothing but the engine's own tables.
    pub fn open_unmigrated(options: &DbOptions, clock: Clock) -> Result<Self> {
        Self::open_at(options, None, clock)
    }

    fn open_at(options: &DbOptions, migrations: Option<&[Migration]>, clock: Clock) -> Result<Self> {
        let dir = data_dir::open(&options.dir)?;
        let lock = Arc::new(StoreLock::take(&dir)?);
        restore::finish(&dir)?;
        failure::before_open(&dir, &clock)?;
        sqlite::create(&dir)?;
        let path = dir.join(sqlite::FILE);
        let fatal = Arc::new(Fatal::new(&dir, clock.clone(), options.on_fatal.clone()));
        let faults = Faults::default();
        let prepared = prepare(&path, options, migrations, &clock, &faults);
        if let Some(reason) = faults.take_io() {
            fatal.strike(&reason);
        }
        let (connection, journal, epoch) = prepared?;

        let space = Arc::new(Space::new(&dir, options.space));
        let (readers, mut others) = Readers::start(sqlite::open_reader, &path, options.readers, readers::LONGEST)?;
        let writer = Writer::new(options.queue);
        others.push(Copier::start(
            &path,
            options.durability,
            journal.clone(),
            writer.shared(),
            space.clone(),
            fatal.clone(),
        )?);
        let (emit, emitted) = watch::channel(0);
        let finisher = Finisher { journal: journal.clone(), gate: readers.gate(), patience: 0 };
        let parts = Parts { fatal, space: space.clone(), finisher, emitted: emit, _lock: lock.clone() };
        let threads = Threads { writer: Some(writer.start(connection, parts)?), others, lock: Some(lock) };
        let threads = Mutex::new(Some(threads));
        let inner = Arc::new(Inner { writer, readers, journal, space, clock, epoch, emitted, path, threads });
        Ok(Self { inner, service: "", deadline: None })
    }

    /// The store in a file that nobody changes, as a copy is: for questions only, and nothing beside the file is made.
    pub fn frozen(path: &Path, clock: Clock) -> Result<Self> {
        let epoch = sqlite::epoch(&sqlite::open_frozen(path)?)?;
        let (readers, others) = Readers::start(sqlite::open_frozen, path, 1, readers::LONGEST)?;
        let writer = Writer::new(0);
        writer.close();
        let threads = Mutex::new(Some(Threads { writer: None, others, lock: None }));
        let inner = Inner {
            writer,
            readers,
            journal: Journal::empty(CheckpointLimits::default()),
            space: Arc::new(Space::new(path.parent().unwrap_or(path), SpaceLimits::default())),
            clock,
            epoch,
            emitted: watch::channel(0).1,
            path: path.to_owned(),
            threads,
        };
        Ok(Self { inner: Arc::new(inner), service: "", deadline: None })
    }

    /// The same store for `service`, whose tables begin with its name and an underscore.
    pub fn scoped(&self, service: &'static str) -> Self {
        Self { service, ..self.clone() }
    }

    /// The same store for work that is dropped, with `deadline_exceeded`, if it has not begun by then.
    pub fn until(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// The clock of the store.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The name of this store, made at random when it was: a position of another store means nothing here.
    pub fn epoch(&self) -> [u8; 16] {
        self.inner.epoch
    }

    /// Gives this store another name, durably, from its next opening on: it goes on from a state that its clients may be
    /// ahead of, so what they hold of it must not be taken for this one's.
    pub async fn renew_epoch(&self) -> Result<()> {
        let epoch: [u8; 16] = rand::random();
        self.write(move |tx| tx.exec("UPDATE engine_store SET epoch = ? WHERE id = 1", &[epoch.as_slice().into()]))
            .await
            .map(|_| ())
    }

    /// Runs `change` in a transaction and answers after its commit has reached stable storage. An error, or a panic,
    /// rolls back what the closure did and nothing else. On other engines it may run more than once, so it owns its
    /// inputs and takes ids and time from outside. Full queue: `unavailable`.
    ///
    /// A caller that goes away while it waits learns nothing: the change may still run, and usually does. A retryable
    /// error likewise says nothing about whether the change is stored, except `storage_full` and a full queue.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.inner.space.writes()?;
        let (reply, receiver) = oneshot::channel();
        let job = WriteJob { service: self.service, deadline: self.deadline, change, answer: None, reply };
        self.inner.writer.submit(Box::new(job))?;
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Runs `question` on one snapshot of the store, off the async threads. A snapshot that lives longer than five
    /// seconds is ended with an error.
    pub async fn read<T, F>(&self, question: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let service = self.service;
        self.inner.readers.submit(Box::new(move |reader| {
            let outcome = reader.and_then(|reader| scope::within(service, || question(reader)));
            let _gone = reply.send(outcome);
        }))?;
        answer.await.unwrap_or_else(|_| Err(Error::internal("the question was not answered")))
    }

    /// Gives the writer its second lane (see [`Lane`]). There is one; a second call replaces the first.
    pub fn set_lane(&self, lane: Box<dyn Lane>) {
        self.inner.writer.set_lane(lane, self.service);
    }

    /// Tells the writer that the lane has something to do.
    pub fn wake_lane(&self) {
        self.inner.writer.wake_lane();
    }

    /// Changes each time events were committed to the outbox.
    pub fn emitted(&self) -> watch::Receiver<u64> {
        self.inner.emitted.clone()
    }

    /// Whether there is space for things that grow the store: sends, registrations, uploads. `storage_full` if not.
    /// Logins, cursors, recalls and deletions need not ask; [`Db::write`] refuses them only when nothing is left.
    pub fn growth_allowed(&self) -> Result<()> {
        self.inner.space.growth()
    }

    /// Calls `callback` on the writer's thread whenever a transaction was lost, before anybody is answered: whatever
    /// memory took from inside a closure (and not in `after_commit`) must be dropped. Quick, and without calls to the
    /// store.
    pub fn on_lost(&self, callback: impl Fn() + Send + 'static) {
        self.inner.writer.on_lost(Box::new(callback));
    }

    /// What was overwritten or deleted is gone from the write-ahead log within a minute.
    pub fn schedule_truncate(&self) {
        self.inner.journal.schedule_truncate();
    }

    /// Copies the whole store into the new file `target` while it is used, and tells how far it is. Everything that was
    /// committed before the call is in the copy; it is complete when the last progress says `done`, and is given up
    /// when the receiver is dropped.
    pub fn copy_to(&self, target: &Path) -> Result<mpsc::Receiver<Result<CopyProgress>>> {
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let size = length(&self.inner.path) + length(&self.inner.path.with_file_name(sqlite::WAL));
        let (told, hears) = mpsc::channel(16);
        self.inner.writer.copy(CopyJob::new(target, size, told))?;
        Ok(hears)
    }

    /// Closes the store: what waits is done, what comes is refused. Answers when the files are closed.
    pub async fn close(&self) {
        self.inner.writer.close();
        let Some(threads) = self.inner.threads.lock().take() else { return };
        let inner = self.inner.clone();
        let joined = tokio::task::spawn_blocking(move || {
            let connection = threads.writer.map(JoinHandle::join);
            inner.readers.close();
            inner.journal.close();
            for thread in threads.others {
                let _panics_were_logged = thread.join();
            }
            // The last connection copies the log and removes it; only then may another process come.
            drop(connection);
            drop(threads.lock);
        });
        let _panics_were_logged = joined.await;
    }
}

/// Everything that happens on the writer's connection before anybody may ask anything.
fn prepare(
    path: &Path,
    options: &DbOptions,
    migrations: Option<&[Migration]>,
    clock: &Clock,
    faults: &Faults,
) -> Result<(Connection, Arc<Journal>, [u8; 16])> {
    let mut connection = sqlite::open_writer(path, options.durability, faults)?;
    let journal = Journal::watch(&mut connection, options.checkpoint)?;
    match migrations {
        Some(migrations) => migrate::run(&mut connection, migrations, clock, faults)?,
        None => migrate::engine(&connection, faults)?,
    }
    sqlite::settle(&connection, path, faults)?;
    let epoch = sqlite::epoch(&connection)?;
    // From here on only a stranger's process could stand in the way, and nobody should wait long for that.
    connection.busy_timeout(Duration::from_millis(200)).map_err(sqlite::map_error)?;
    scope::install(&mut connection).map_err(sqlite::map_error)?;
    Ok((connection, journal, epoch))
}

fn closed() -> Error {
    Error::unavailable("the store is closed")
}
