//! Writes the history file. The time of a line is taken under the lock that orders the lines, so that the order in the
//! file is the order in time.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::time::Instant;

use super::{Line, What};

/// Appends lines to one file. Shared by all clients of a run.
pub struct Recorder {
    began: Instant,
    file: Mutex<Result<BufWriter<File>, std::io::Error>>,
    numbers: AtomicU64,
    arrivals: AtomicU64,
}

impl Recorder {
    /// A new, empty history at `path`.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self {
            began: Instant::now(),
            file: Mutex::new(Ok(BufWriter::with_capacity(1 << 20, file))),
            numbers: AtomicU64::new(0),
            arrivals: AtomicU64::new(0),
        })
    }

    /// A number that no other connection or call of this run has.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many frames have come in so far: it stands still when all is quiet.
    pub fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::Relaxed)
    }

    /// How long the run has been going on.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Notes what happened, now.
    pub fn note(&self, what: What) {
        if matches!(what, What::In { .. }) {
            self.arrivals.fetch_add(1, Ordering::Relaxed);
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line { t: self.began.elapsed().as_nanos() as u64, what };
        if let Ok(open) = &mut *file {
            let written = serde_json::to_writer(&mut *open, &line).map_err(std::io::Error::from);
            if let Err(error) = written.and_then(|()| open.write_all(b"\n")) {
                *file = Err(error);
            }
        }
    }

    /// Writes out what is buffered; an error if any line was lost.
    pub fn finish(&self) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *file {
            Ok(open) => open.flush().context("write the history"),
            Err(error) => anyhow::bail!("the history is incomplete: {error}"),
        }
    }
}
