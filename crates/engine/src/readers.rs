//! The pool of readers: threads with a connection each. A question runs on one snapshot and should be brief.

use std::{collections::VecDeque, path::Path, sync::Arc, thread};

use anser_types::{Error, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use crate::{
    Reader,
    sqlite::{map_error, open_reader},
};

/// How many questions may wait before `unavailable`.
const QUEUE: usize = 4_096;

type Question = Box<dyn FnOnce(Result<&Reader<'_>>) + Send>;

pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    queue: VecDeque<Question>,
    closed: bool,
}

impl Readers {
    pub(crate) fn start(path: &Path, threads: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { queue: VecDeque::new(), closed: false }),
            wake: Condvar::new(),
        });
        for number in 0..threads.max(1) {
            let connection = open_reader(path)?;
            let shared = shared.clone();
            thread::Builder::new()
                .name(format!("db-read-{number}"))
                .spawn(move || run(&connection, &shared))
                .map_err(|error| Error::internal(format!("cannot start a reader: {error}")))?;
        }
        Ok(Self { shared })
    }

    pub(crate) fn submit(&self, question: Question) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.queue.len() >= QUEUE {
            return Err(Error::unavailable("too many reads are waiting"));
        }
        state.queue.push_back(question);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

fn run(connection: &Connection, shared: &Shared) {
    while let Some(question) = next(shared) {
        let opened = connection.execute_batch("BEGIN").map_err(map_error);
        let reader = Reader { connection };
        match opened {
            Ok(()) => question(Ok(&reader)),
            Err(error) => question(Err(error)),
        }
        if let Err(error) = connection.execute_batch("COMMIT") {
            tracing::warn!(%error, "a reader could not end its snapshot");
        }
    }
}

fn next(shared: &Shared) -> Option<Question> {
    let mut state = shared.state.lock();
    loop {
        if let Some(question) = state.queue.pop_front() {
            return Some(question);
        }
        if state.closed {
            return None;
        }
        shared.wake.wait(&mut state);
    }
}
