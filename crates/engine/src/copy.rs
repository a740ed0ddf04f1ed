//! A copy of the whole store while it is used: slices between the writer's commits.
//!
//! SQLite's online backup begins again whenever another connection than its source writes, so its source is the writer's
//! own: what a commit changes of the pages that are copied already goes into the copy with it, and the copy is the store
//! as it is when the last page is through. No snapshot is held from slice to slice, so checkpoints go on and the
//! write-ahead log stays small. A slice is brief, and the next one waits while more than a little of the copy is not on
//! the disk yet: so the commits neither wait for a flood of pages nor share the disk with one.
//!
//! The file is complete only when its job says so. Whoever asked for it gives it its name then.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use anser_contract::v1::CopyProgress;
use anser_types::{Error, Result};
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    failpoint::failpoint,
    failure::sync_dir,
    sqlite::{PAGE, storage_full},
};

/// Pages of one step; the writer looks for work after each.
const STEP: i32 = 32;
/// Bytes that may be copied and not on the disk.
const AHEAD: u64 = 8 << 20;
/// How long the writer waits for work while the disk takes what was copied.
const PAUSE: Duration = Duration::from_millis(5);
/// How often the progress is told.
const TELL: Duration = Duration::from_millis(100);
/// What must stay free beside the copy.
const SPARE: u64 = 256 << 20;

/// A copy that was asked for.
pub(crate) struct CopyJob {
    target: PathBuf,
    size: u64,
    told: mpsc::Sender<Result<CopyProgress>>,
}

impl CopyJob {
    /// A copy of a store of `size` bytes into the new file `target`. `told` hears how it goes; the job ends when nobody
    /// listens.
    pub(crate) fn new(target: &Path, size: u64, told: mpsc::Sender<Result<CopyProgress>>) -> Self {
        Self { target: target.to_owned(), size, told }
    }

    /// Copies, on the writer's thread. `meanwhile` does what waits, or waits a while for it, and says whether to go on.
    pub(crate) fn make(self, connection: &Connection, meanwhile: impl FnMut(Duration) -> bool) {
        let began = Instant::now();
        let file = match self.target_file() {
            Ok(file) => file,
            Err(error) => return self.tell_failure(error),
        };
        match self.pages(connection, file, meanwhile) {
            Ok(last) => {
                metrics::histogram!("anser_store_copy_seconds").record(began.elapsed().as_secs_f64());
                self.finish(last);
            }
            Err(error) => self.give_up(error),
        }
    }

    fn cannot(&self, error: &dyn std::fmt::Display) -> Error {
        Error::unavailable(format!("cannot write the copy {}: {error}", self.target.display()))
    }

    fn target_file(&self) -> Result<File> {
        room_for(&self.target, self.size)?;
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.target);
        made.map_err(|error| self.cannot(&error))
    }

    fn pages(
        &self,
        connection: &Connection,
        file: File,
        mut meanwhile: impl FnMut(Duration) -> bool,
    ) -> Result<CopyProgress> {
        let cannot = |error: &dyn std::fmt::Display| self.cannot(error);
        let mut copy = Connection::open(&self.target).map_err(|error| cannot(&error))?;
        // A copy that is not complete is thrown away, so it needs no journal of its own.
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2048;")
            .map_err(|error| cannot(&error))?;
        let disk = Flusher::start(file)?;
        let backup = Backup::new(connection, &mut copy).map_err(|error| cannot(&error))?;
        let (mut ahead, mut told_at) = (0, Instant::now());
        let mut progress = CopyProgress::default();
        loop {
            let flushing = disk.busy();
            if ahead < AHEAD {
                if backup.step(STEP).map_err(|error| cannot(&error))? == StepResult::Done {
                    break;
                }
                failpoint("copy");
                ahead += STEP as u64 * PAGE;
                let at = backup.progress();
                progress.total = i64::from(at.pagecount);
                progress.pages = progress.total - i64::from(at.remaining);
            } else if !flushing {
                disk.flush();
                ahead = 0;
            }
            if disk.failed.load(Ordering::Acquire) {
                return Err(cannot(&"the disk failed"));
            }
            if self.told.is_closed() {
                return Err(Error::unavailable("nobody waits for the copy any more"));
            }
            if told_at.elapsed() >= TELL {
                told_at = Instant::now();
                let _slow_listeners_hear_the_next = self.told.try_send(Ok(progress));
            }
            if !meanwhile(if ahead < AHEAD { Duration::ZERO } else { PAUSE }) {
                return Err(Error::unavailable("the store was closed while it was copied"));
            }
        }
        progress.pages = progress.total;
        Ok(progress)
    }

    /// Puts the rest on the disk and says that it is done; off the writer's thread.
    fn finish(self, last: CopyProgress) {
        let spawned = thread::Builder::new().name("db-copied".into()).spawn(move || {
            let synced = File::open(&self.target)
                .and_then(|file| file.sync_all())
                .and_then(|()| self.target.parent().map_or(Ok(()), sync_dir));
            match synced {
                Ok(()) => drop(self.told.blocking_send(Ok(CopyProgress { done: true, ..last }))),
                Err(error) => self.give_up(Error::unavailable(format!("the copy did not reach the disk: {error}"))),
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "a copy of the store could not be finished");
        }
    }

    fn give_up(self, error: Error) {
        let _shows_in_the_next_attempt = std::fs::remove_file(&self.target);
        self.tell_failure(error);
    }

    fn tell_failure(self, error: Error) {
        tracing::warn!(%error, "a copy of the store was given up");
        let _nobody_listens = self.told.try_send(Err(error));
    }
}

/// Refuses a copy that would fill the disk, on which the store perhaps stands too.
fn room_for(target: &Path, size: u64) -> Result<()> {
    let Some(Ok(disk)) = target.parent().map(rustix::fs::statvfs) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < size + SPARE { Err(storage_full()) } else { Ok(()) }
}

/// Brings the copy to the disk in a thread of its own, a part at a time.
struct Flusher {
    asked: SyncSender<()>,
    busy: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
}

impl Flusher {
    /// The thread ends with this handle.
    fn start(file: File) -> Result<Self> {
        let (asked, asks) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let failed = Arc::new(AtomicBool::new(false));
        let (done, failing) = (busy.clone(), failed.clone());
        thread::Builder::new()
            .name("db-flush".into())
            .spawn(move || {
                for () in asks {
                    match file.sync_data() {
                        Ok(()) => done.store(false, Ordering::Release),
                        // The kernel tells each error once, so it must not be forgotten here.
                        Err(_) => failing.store(true, Ordering::Release),
                    }
                }
            })
            .map_err(|error| Error::internal(format!("cannot start a thread for the copy: {error}")))?;
        Ok(Self { asked, busy, failed })
    }

    fn busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    fn flush(&self) {
        self.busy.store(true, Ordering::Release);
        if let Err(TrySendError::Disconnected(())) = self.asked.try_send(()) {
            self.busy.store(false, Ordering::Release);
        }
    }
}
