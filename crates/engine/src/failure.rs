//! When the disk fails under the store: no more answers, a note for the next start, the end of the process.
//!
//! After a failed fsync nobody knows which pages the disk has, and a second fsync may say "fine" about pages that the
//! kernel has given up. So the process ends. The next start finds the note, copies the write-ahead log into a new file
//! and syncs that, before anything is answered from it: what a reader can see is on stable storage again.

use std::{
    fmt::{self, Write as _},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use anser_types::{Clock, Error, Result, Timestamp};

use crate::sqlite::FILE;

/// The exit code of a process whose store failed (`EX_IOERR` of sysexits).
pub const EXIT_STORE_FAILED: i32 = 74;

/// One line a failure: `failed <ms> <reason>`, and `recovered <ms>` once the log was copied.
pub(crate) const NOTES: &str = "store.failures";
/// Failures within this time count together …
const WINDOW_MS: i64 = 5 * 60_000;
/// … and after more of them than this the store stays closed: restarting does not heal a disk.
const RESTARTS: usize = 3;

/// What to do when the store failed. It should not come back; the default logs and exits with [`EXIT_STORE_FAILED`].
#[derive(Clone)]
pub struct OnFatal(Arc<dyn Fn(&str) + Send + Sync>);

impl OnFatal {
    /// Calls `hook` with the reason. If it comes back, the store refuses everything from then on.
    pub fn new(hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl Default for OnFatal {
    fn default() -> Self {
        Self::new(|_logged| std::process::exit(EXIT_STORE_FAILED))
    }
}

impl fmt::Debug for OnFatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnFatal")
    }
}

/// Whether the store has failed. Every thread of it may strike; the writer looks before it answers.
pub(crate) struct Fatal {
    dir: PathBuf,
    clock: Clock,
    hook: OnFatal,
    /// Why, once it has.
    reason: OnceLock<String>,
}

impl Fatal {
    pub(crate) fn new(dir: &Path, clock: Clock, hook: OnFatal) -> Self {
        Self { dir: dir.to_owned(), clock, hook, reason: OnceLock::new() }
    }

    /// From here on nothing is acknowledged any more. [`Fatal::end`] must follow.
    pub(crate) fn strike(&self, reason: &str) {
        if self.reason.set(reason.to_owned()).is_err() {
            return;
        }
        tracing::error!(reason, dir = %self.dir.display(), "the store failed: nothing is acknowledged any more");
        metrics::counter!("anser_store_failures_total").increment(1);
        if let Err(error) = note(&self.dir, &format!("failed {} {}", self.clock.now(), one_line(reason))) {
            tracing::error!(%error, "the failure could not be noted for the next start");
        }
    }

    pub(crate) fn struck(&self) -> bool {
        self.reason.get().is_some()
    }

    /// Ends the process, if the hook does what it should.
    pub(crate) fn end(&self) {
        (self.hook.0)(self.reason.get().map_or("unknown", String::as_str));
    }
}

pub(crate) fn failed() -> Error {
    Error::unavailable("the store failed and must be started again")
}

/// What must happen before a store is opened: after a failure its log is copied and synced; after too many in a short
/// time it stays closed.
pub(crate) fn before_open(dir: &Path, clock: &Clock) -> Result<()> {
    let notes = match fs::read_to_string(dir.join(NOTES)) {
        Ok(notes) => notes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(broken("read the notes about failures", &error)),
    };
    let now = clock.now();
    let recent = notes.lines().filter_map(failed_at).filter(|at| (now - at).abs() < WINDOW_MS).count();
    if recent > RESTARTS {
        return Err(Error::unavailable(format!(
            "the disk under {} failed {recent} times within 5 minutes; look at the disk and at the log, then start \
             again (or remove {NOTES} to try at once)",
            dir.display()
        )));
    }
    if notes.lines().last().is_some_and(|line| failed_at(line).is_some()) {
        tracing::warn!(dir = %dir.display(), "the store failed before: copying its write-ahead log to a new file");
        renew_log(dir).map_err(|error| broken("copy the write-ahead log after a failure", &error))?;
        note(dir, &format!("recovered {now}")).map_err(|error| broken("note the recovery", &error))?;
    } else if recent == 0 {
        fs::remove_file(dir.join(NOTES)).map_err(|error| broken("remove old notes about failures", &error))?;
    }
    Ok(())
}

/// Puts a synced copy in the place of the write-ahead log.
fn renew_log(dir: &Path) -> io::Result<()> {
    let log = dir.join(format!("{FILE}-wal"));
    let copy = dir.join(format!("{FILE}-wal.copy"));
    let mut from = match File::open(&log) {
        Ok(from) => from,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut to = File::create(&copy)?;
    to.set_permissions(from.metadata()?.permissions())?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    fs::rename(&copy, &log)?;
    sync_dir(dir)
}

/// Makes what was created, renamed or removed in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn note(dir: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join(NOTES))?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    sync_dir(dir)
}

fn failed_at(line: &str) -> Option<Timestamp> {
    line.strip_prefix("failed ")?.split(' ').next()?.parse().ok()
}

fn one_line(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn broken(what: &str, error: &io::Error) -> Error {
    let mut detail = String::new();
    let _never_fails = write!(detail, "cannot {what}: {error}");
    Error::unavailable(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strike(dir: &Path, clock: &Clock) {
        Fatal::new(dir, clock.clone(), OnFatal::new(|_| {})).strike("fsync: Input/output error\n(again)");
    }

    #[test]
    fn three_restarts_in_five_minutes_and_no_more() {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Clock::fixed(1_000_000_000);
        for _ in 0..3 {
            strike(dir.path(), &clock);
            before_open(dir.path(), &clock).expect("three restarts are granted");
        }
        strike(dir.path(), &clock);
        let refused = before_open(dir.path(), &clock).expect_err("the fourth is not");
        assert!(refused.detail.contains("4 times"), "{refused}");
        clock.advance(WINDOW_MS);
        before_open(dir.path(), &clock).expect("a while later it may try again");
        before_open(dir.path(), &clock).expect("and the notes are forgotten");
        assert!(!dir.path().join(NOTES).exists());
    }

    #[test]
    fn the_log_is_copied_once_after_a_failure() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Clock::fixed(1_000_000_000);
        let log = dir.path().join(format!("{FILE}-wal"));
        fs::write(&log, b"frames").expect("a log");
        // Held open, so that its number is not given to the copy.
        let original = File::open(&log).expect("the log");
        let inode = original.metadata().expect("its number").ino();
        strike(dir.path(), &clock);
        before_open(dir.path(), &clock).expect("opens");
        let copied = fs::metadata(&log).expect("the copy").ino();
        assert_ne!(copied, inode);
        assert_eq!(fs::read(&log).expect("the copy"), b"frames");
        before_open(dir.path(), &clock).expect("opens");
        assert_eq!(fs::metadata(&log).expect("the copy").ino(), copied);
    }
}
