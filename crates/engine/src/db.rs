//! [`Db`]: the embedded store. One writer thread for all services, a pool of readers, one file.
//!
//! `write` is the only way to change anything. Closures of all services queue to the writer; each runs in a savepoint
//! of its own; one COMMIT (one fsync) covers all that queued while the previous commit ran; answers leave after it.
//! Closures are synchronous: nothing can be awaited inside a transaction, hence no remote call under a lock.

use std::{path::PathBuf, sync::Arc};

use anser_types::{Clock, Error, Result};
use tokio::sync::{oneshot, watch};

use crate::{
    Lane, Reader, Tx,
    migrate::{self, Migration},
    readers::Readers,
    sqlite,
    writer::{self, WriteJob, Writer},
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
    /// The folder of the store; the file in it is `anser.db`.
    pub dir: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
    /// How many threads read.
    pub readers: usize,
    /// How many closures may wait for the writer before `unavailable`.
    pub queue: usize,
}

impl DbOptions {
    /// A durable store in `dir` with the default sizes.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), durability: Durability::Full, readers: 3, queue: 4_096 }
    }
}

/// A handle to the store. Cloning is cheap; the threads end with the last handle.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    service: &'static str,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    clock: Clock,
    emitted: watch::Receiver<u64>,
}

impl Db {
    /// Opens (or makes) the store, migrates it, and makes one durable commit, so that everything a reader can see from
    /// now on is on stable storage. A store written by a newer version is refused.
    pub fn open(options: &DbOptions, migrations: &[Migration], clock: Clock) -> Result<Self> {
        let path = options.dir.join("anser.db");
        let mut connection = sqlite::open_writer(&path, options.durability)?;
        migrate::run(&mut connection, migrations, &clock)?;
        writer::settle(&connection)?;
        let readers = Readers::start(&path, options.readers)?;
        let (writer, emitted) = Writer::start(connection, options.queue);
        Ok(Self { inner: Arc::new(Inner { writer, readers, clock, emitted }), service: "" })
    }

    /// The same store for `service`, whose tables begin with its name.
    pub fn scoped(&self, service: &'static str) -> Self {
        Self { inner: self.inner.clone(), service }
    }

    /// The clock of the store.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Runs `change` in a transaction and answers after its commit has reached stable storage. An error rolls back
    /// what the closure did and nothing else. On other engines it may run more than once, so it owns its inputs and
    /// takes ids and time from outside. Full queue: `unavailable`.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.inner.writer.submit(Box::new(WriteJob::new(self.service, change, reply)))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Runs `question` on one snapshot of the store, off the async threads.
    pub async fn read<T, F>(&self, question: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.inner.readers.submit(Box::new(move |reader| {
            let outcome = reader.and_then(|reader| question(reader));
            let _gone = reply.send(outcome);
        }))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
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
}

fn closed() -> Error {
    Error::unavailable("the store is closed")
}
