//! A watched directory: one ordered log of what happened to its files, and the fault that is armed.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{Image, Unsynced, vfs};

/// Something that happened, in the order in which it did. Files are named without their directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes were handed to the kernel.
    Write {
        /// Which file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What.
        data: Vec<u8>,
    },
    /// A file was cut to a length.
    Truncate {
        /// Which file.
        file: String,
        /// Its new length.
        length: u64,
    },
    /// A sync ended well: it covers everything of its file that stands in the log before `began`.
    Sync {
        /// Which file.
        file: String,
        /// How long the log was when the sync began.
        began: usize,
    },
    /// A file was removed.
    Delete {
        /// Which file.
        file: String,
    },
    /// The test's own words, for example that an answer was given.
    Note(String),
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Writes, also the cutting of files.
    Write,
    /// Syncs.
    Sync,
    /// The growing of the log's shared index.
    Index,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// ENOSPC. A sync that fails with it is an I/O error to SQLite, as it should be.
    Full,
    /// EIO.
    Broken,
}

/// A fault to inject.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// At which operations.
    pub on: On,
    /// On which file alone; `None`: on all together.
    pub file: Option<&'static str>,
    /// Which of them fails first, counted from 1 since it was armed.
    pub nth: u64,
    /// With which error.
    pub kind: FaultKind,
    /// Whether all later ones fail too, until [`Disk::heal`].
    pub stays: bool,
}

/// A directory whose SQLite files are watched, from before they are opened.
pub struct Disk {
    dir: PathBuf,
    pub(crate) state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    log: Vec<Event>,
    armed: Option<Fault>,
    seen: u64,
    injected: u64,
}

impl Disk {
    /// Watches `dir`. What stands there counts as synced.
    pub fn watch(dir: &Path) -> Self {
        let found = Image::read(dir);
        Self::restarted(dir, &found, &found)
    }

    /// Watches `dir`, filled as the end of a process leaves it: the kernel has `cached`, the medium has `synced`.
    pub fn restarted(dir: &Path, synced: &Image, cached: &Image) -> Self {
        let dir = dir.canonicalize().expect("a directory to watch");
        cached.write(&dir);
        let state = State { log: Image::as_events(synced, cached), ..State::default() };
        let disk = Self { dir: dir.clone(), state: Arc::new(Mutex::new(state)) };
        vfs::watch(dir, &disk.state);
        disk
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts words between the events.
    pub fn note(&self, words: impl Into<String>) {
        self.state.lock().log.push(Event::Note(words.into()));
    }

    /// Lets an operation fail.
    pub fn arm(&self, fault: Fault) {
        let mut state = self.state.lock();
        (state.armed, state.seen, state.injected) = (Some(fault), 0, 0);
    }

    /// Nothing fails any more. Answers how often something did.
    pub fn heal(&self) -> u64 {
        let mut state = self.state.lock();
        state.armed = None;
        state.injected
    }

    /// Everything so far.
    pub fn log(&self) -> Vec<Event> {
        self.state.lock().log.clone()
    }

    /// What the directory holds if everything stops right after the first `events` of the log.
    pub fn image(&self, events: usize, unsynced: Unsynced) -> Image {
        Image::after(&self.state.lock().log[..events], unsynced)
    }

    /// The words noted before which `holds` was not true yet of the medium: each of them was said too early, because a
    /// power cut at that moment would have belied it.
    pub fn said_too_early(&self, holds: impl Fn(&Image, &str) -> bool) -> Vec<String> {
        let log = self.log();
        let mut early = Vec::new();
        for (at, event) in log.iter().enumerate() {
            if let Event::Note(words) = event
                && !holds(&Image::after(&log[..at], Unsynced::Gone), words)
            {
                early.push(words.clone());
            }
        }
        early
    }

    /// The places in the log at which a power cut could strike: all of them.
    pub fn moments(&self) -> Range<usize> {
        0..self.state.lock().log.len() + 1
    }
}

impl State {
    /// Counts an operation and answers how it fails, if it does.
    pub(crate) fn fails(&mut self, on: On, file: &str) -> Option<FaultKind> {
        let fault = self.armed.filter(|fault| fault.on == on && fault.file.is_none_or(|only| only == file))?;
        self.seen += 1;
        let fails = self.seen == fault.nth || (fault.stays && self.seen > fault.nth);
        self.injected += u64::from(fails);
        fails.then_some(fault.kind)
    }

    pub(crate) fn record(&mut self, event: Event) {
        self.log.push(event);
    }

    pub(crate) fn length(&self) -> usize {
        self.log.len()
    }
}
