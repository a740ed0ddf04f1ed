//! One server per data directory: a lock that the kernel gives back when the process ends, however it ends.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::Duration,
};

use anser_types::{Error, Result};
use rustix::fs::{FlockOperation, flock};

const FILE: &str = "store.lock";
/// How long a holder may take to go: a process that was just killed, or a handle just dropped.
const PATIENCE: Duration = Duration::from_millis(1_000);
const PAUSE: Duration = Duration::from_millis(10);

/// Held as long as the store is open.
pub struct StoreLock {
    _held: File,
}

impl StoreLock {
    /// Waits a moment for whoever holds it to go.
    pub fn take(dir: &Path) -> Result<Self> {
        let cannot = |error: &dyn std::fmt::Display| {
            Error::unavailable(format!("cannot lock the data directory {}: {error}", dir.display()))
        };
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(FILE))
            .map_err(|error| cannot(&error))?;
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // The number is only for the message to a second server; the lock is the flock.
                    let _only_for_people = file
                        .set_len(0)
                        .and_then(|()| file.rewind())
                        .and_then(|()| writeln!(file, "{}", std::process::id()));
                    return Ok(Self { _held: file });
                }
                Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(PAUSE),
                Err(error) => return Err(cannot(&error)),
            }
        }
        let mut holder = String::new();
        let _only_for_people = file.read_to_string(&mut holder);
        let holder = if holder.trim().is_empty() { "unknown" } else { holder.trim() };
        Err(Error::unavailable(format!(
            "the data directory {} is in use by another server (process {holder})",
            dir.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_where_and_who() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = StoreLock::take(dir.path()).expect("the first");
        let refused = StoreLock::take(dir.path()).map(|_| ()).expect_err("the second");
        assert!(refused.detail.contains(&std::process::id().to_string()), "{refused}");
        assert!(refused.detail.contains(&*dir.path().to_string_lossy()), "{refused}");
        drop(first);
        StoreLock::take(dir.path()).expect("the next");
    }
}
