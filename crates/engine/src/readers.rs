//! The pool of readers: threads with a connection each. A question runs on one snapshot and should be brief.
//!
//! A snapshot keeps the write-ahead log from starting again at its beginning, so a question that runs longer than
//! [`LONGEST`] is ended, and for the moment in which the writer wants to start again no new question begins.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anser_types::{Error, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::time::Instant;

use crate::{
    Reader, scope,
    sqlite::{Faults, execute, map_error},
};

/// How many questions may wait before `unavailable`.
const QUEUE: usize = 4_096;
/// How long a snapshot may live.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);
/// How many steps of SQLite's machine pass between two looks at the time.
const STEPS: i32 = 10_000;

pub(crate) type Question = Box<dyn FnOnce(Result<&Reader<'_>>) + Send>;

pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A question waits, or questions may run again.
    wake: Condvar,
    /// The last running question ended.
    quiet: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Question>,
    running: usize,
    paused: bool,
    closed: bool,
}

impl Readers {
    pub(crate) fn start(
        open: impl Fn(&Path) -> Result<Connection>,
        path: &Path,
        threads: usize,
        longest: Duration,
    ) -> Result<(Self, Vec<JoinHandle<()>>)> {
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), wake: Condvar::new(), quiet: Condvar::new() });
        let readers = Self { shared: shared.clone() };
        let mut handles = Vec::new();
        for number in 0..threads.max(1) {
            let mut thread = Thread { connection: open(path)?, shared: shared.clone(), longest };
            scope::install(&mut thread.connection).map_err(map_error)?;
            let handle = thread::Builder::new()
                .name(format!("db-read-{number}"))
                .spawn(move || thread.forever())
                .map_err(|error| Error::internal(format!("cannot start a reader: {error}")))?;
            handles.push(handle);
        }
        Ok((readers, handles))
    }

    pub(crate) fn submit(&self, question: Question) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(Error::unavailable("the store is closed"));
        }
        if state.queue.len() >= QUEUE {
            return Err(Error::unavailable("too many reads are waiting"));
        }
        state.queue.push_back(question);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// A handle that lets the writer hold questions back.
    pub(crate) fn gate(&self) -> Gate {
        Gate { shared: self.shared.clone() }
    }

    /// Lets the threads end when what waits is answered.
    pub(crate) fn close(&self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

/// Holds questions back.
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

impl Gate {
    /// Runs `work` while no question runs, if that comes about within `wait`.
    pub(crate) fn when_quiet<T>(&self, wait: Duration, work: impl FnOnce() -> T) -> Option<T> {
        let until = Instant::now() + wait;
        let mut state = self.shared.state.lock();
        state.paused = true;
        while state.running > 0 && Instant::now() < until {
            self.shared.quiet.wait_until(&mut state, until.into_std());
        }
        let quiet = state.running == 0;
        drop(state);
        let done = quiet.then(work);
        self.shared.state.lock().paused = false;
        self.shared.wake.notify_all();
        done
    }
}

/// One reader's thread.
struct Thread {
    connection: Connection,
    shared: Arc<Shared>,
    longest: Duration,
}

impl Thread {
    fn forever(mut self) {
        while let Some(question) = self.next() {
            if catch_unwind(AssertUnwindSafe(|| self.answer(question))).is_err() {
                tracing::error!("a question to the store panicked");
                metrics::counter!("anser_store_panics_total").increment(1);
            }
            self.end();
            let mut state = self.shared.state.lock();
            state.running -= 1;
            if state.running == 0 {
                self.shared.quiet.notify_all();
            }
        }
    }

    fn next(&self) -> Option<Question> {
        let mut state = self.shared.state.lock();
        loop {
            if !state.paused
                && let Some(question) = state.queue.pop_front()
            {
                state.running += 1;
                return Some(question);
            }
            if state.closed && state.queue.is_empty() {
                return None;
            }
            self.shared.wake.wait(&mut state);
        }
    }

    fn answer(&mut self, question: Question) {
        let faults = Faults::default();
        let until = Instant::now() + self.longest;
        // The handler sees a long statement; the reader itself sees many short ones.
        let opened = self
            .connection
            .progress_handler(STEPS, Some(move || Instant::now() > until))
            .map_err(map_error)
            .and_then(|()| execute(&self.connection, &faults, "BEGIN"));
        match opened {
            Ok(()) => question(Ok(&Reader { connection: &self.connection, faults: &faults, until: Some(until) })),
            Err(error) => question(Err(error)),
        }
    }

    /// Lets go of the snapshot.
    fn end(&mut self) {
        let _no_handler_is_as_good = self.connection.progress_handler(0, None::<fn() -> bool>);
        if !self.connection.is_autocommit()
            && let Err(error) = execute(&self.connection, &Faults::default(), "ROLLBACK")
        {
            tracing::warn!(%error, "a reader could not end its snapshot");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    fn ask<T: Send + 'static>(
        readers: &Readers,
        question: impl FnOnce(&Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Receiver<Result<T>> {
        let (sender, receiver) = sync_channel(1);
        let question: Question = Box::new(move |reader| {
            let _gone = sender.send(reader.and_then(question));
        });
        readers.submit(question).expect("is taken");
        receiver
    }

    fn readers(longest: Duration) -> (tempfile::TempDir, Readers) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("anser.db");
        crate::sqlite::open_writer(&path, crate::Durability::Off, &Faults::default()).expect("a store");
        let (readers, _threads) = Readers::start(crate::sqlite::open_reader, &path, 2, longest).expect("readers");
        (dir, readers)
    }

    #[test]
    fn a_snapshot_does_not_live_for_ever() {
        let (_dir, readers) = readers(Duration::from_millis(50));
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
        let one_long = ask(&readers, move |reader| reader.number(endless, &[]));
        let many_short = ask(&readers, |reader| {
            loop {
                if let Err(error) = reader.number("SELECT 1", &[]) {
                    return Ok(error);
                }
            }
        });
        assert!(one_long.recv().expect("is answered").expect_err("is ended").retryable());
        assert!(many_short.recv().expect("is answered").expect("its error").retryable());
        assert_eq!(ask(&readers, |reader| reader.number("SELECT 7", &[])).recv().expect("is answered"), Ok(7));
    }

    #[test]
    fn questions_wait_while_the_gate_is_shut() {
        let (_dir, readers) = readers(LONGEST);
        let gate = readers.gate();
        let waiting = gate.when_quiet(Duration::from_secs(5), || {
            let waiting = ask(&readers, |reader| reader.number("SELECT 7", &[]));
            assert!(waiting.recv_timeout(Duration::from_millis(50)).is_err());
            waiting
        });
        assert_eq!(waiting.expect("was quiet").recv().expect("is answered"), Ok(7));
        let (hold, held) = sync_channel::<()>(0);
        let (begin, begun) = sync_channel::<()>(1);
        let busy = ask(&readers, move |_| {
            begin.send(()).map_err(|_| Error::internal("gone"))?;
            held.recv().map_err(|_| Error::internal("gone"))
        });
        begun.recv().expect("begins");
        assert!(gate.when_quiet(Duration::from_millis(20), || ()).is_none(), "a question runs");
        hold.send(()).expect("is held");
        assert_eq!(busy.recv().expect("is answered"), Ok(()));
    }
}
