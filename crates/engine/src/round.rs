//! One round of the writer: each closure in a savepoint, one COMMIT for all, then the answers.
//!
//! An answer leaves only after the COMMIT that covers it. Where the transaction is lost (SQLITE_FULL, IOERR, NOMEM and
//! INTERRUPT may roll back all of it, a COMMIT can fail) every closure of the round gets the retryable error, also
//! those that had succeeded, and the callbacks of `on_lost` drop what memory had taken from it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use anser_types::{Error, Result};
use rusqlite::Connection;
use tokio::time::Instant;

use crate::{
    Lane, Reader, Tx,
    failpoint::failpoint,
    job::Job,
    scope,
    sqlite::{Faults, execute},
    tx::AfterCommit,
};

/// How long the closures of one round may take together; what does not fit goes first in the next.
const CLOSURES_TIME: Duration = Duration::from_millis(5);

/// What one COMMIT covers, while it comes about.
pub(crate) struct Round<'c> {
    connection: &'c Connection,
    faults: &'c Faults,
    /// Why nothing of this round counts.
    lost: Option<Error>,
    effects: Vec<AfterCommit>,
    emitted: bool,
    changed: bool,
}

/// How a round ended.
pub(crate) struct Ended {
    pub(crate) outcome: Result<()>,
    /// Whether there was anything to commit.
    pub(crate) committed: bool,
    pub(crate) effects: Vec<AfterCommit>,
    pub(crate) emitted: bool,
}

impl<'c> Round<'c> {
    pub(crate) fn begin(connection: &'c Connection, faults: &'c Faults) -> Self {
        let lost = execute(connection, faults, "BEGIN IMMEDIATE").err();
        Self { connection, faults, lost, effects: Vec::new(), emitted: false, changed: false }
    }

    /// Runs closures in their order until the time is up; answers what became of those that ran. At least one runs,
    /// unless the round is lost.
    pub(crate) fn closures(&mut self, jobs: &mut [Box<dyn Job>]) -> Vec<Result<()>> {
        let until = Instant::now() + CLOSURES_TIME;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            if self.lost.is_some() || (!outcomes.is_empty() && Instant::now() > until) {
                break;
            }
            let service = job.service();
            outcomes.push(self.savepoint(service, |tx| job.run(tx)));
        }
        outcomes
    }

    /// Runs the lane's batch; `None` if the round was lost before and nothing was taken.
    pub(crate) fn lane(&mut self, lane: &mut dyn Lane, service: &'static str) -> Option<Result<()>> {
        if self.lost.is_some() {
            return None;
        }
        Some(self.savepoint(service, |tx| lane.run(tx)))
    }

    /// COMMIT, or ROLLBACK where nothing was changed (it costs no fsync).
    pub(crate) fn end(mut self) -> Ended {
        if self.lost.is_none() {
            failpoint("before_commit");
            let end = if self.changed { "COMMIT" } else { "ROLLBACK" };
            self.lost = execute(self.connection, self.faults, end).err().map(lost);
        }
        if self.lost.is_some() && !self.connection.is_autocommit() {
            let _lost_anyway = execute(self.connection, self.faults, "ROLLBACK");
        }
        match self.lost {
            Some(error) => Ended { outcome: Err(error), committed: false, effects: Vec::new(), emitted: false },
            None => Ended { outcome: Ok(()), committed: self.changed, effects: self.effects, emitted: self.emitted },
        }
    }

    /// Runs one closure so that its failure undoes only what it did itself.
    fn savepoint(&mut self, service: &'static str, run: impl FnOnce(&mut Tx<'_>) -> Result<()>) -> Result<()> {
        let (connection, faults) = (self.connection, self.faults);
        if let Err(error) = execute(connection, faults, "SAVEPOINT closure") {
            self.lost = Some(lost(error.clone()));
            return Err(error);
        }
        let reader = Reader { connection, faults, until: None };
        let mut tx = Tx { reader, service, after_commit: Vec::new(), emitted: false };
        let ran = catch_unwind(AssertUnwindSafe(|| scope::within(service, || run(&mut tx)))).unwrap_or_else(|_| {
            tracing::error!(service, "a change panicked");
            metrics::counter!("anser_store_panics_total").increment(1);
            Err(Error::internal("the change failed"))
        });
        let Tx { after_commit, emitted, .. } = tx;
        let undone = if connection.is_autocommit() {
            // The error that the closure met, and perhaps swallowed, took the whole transaction with it.
            Err(ran.as_ref().err().cloned().unwrap_or_else(|| Error::unavailable("the transaction was lost")))
        } else if ran.is_ok() {
            execute(connection, faults, "RELEASE closure")
        } else {
            execute(connection, faults, "ROLLBACK TO closure")
                .and_then(|()| execute(connection, faults, "RELEASE closure"))
        };
        if let Err(error) = undone {
            self.lost = Some(lost(error));
        } else if ran.is_ok() {
            self.changed = true;
            self.effects.extend(after_commit);
            self.emitted |= emitted;
        }
        ran
    }
}

/// What everybody in a lost round is told: retryable, because nothing is wrong with what they asked.
fn lost(cause: Error) -> Error {
    if cause.retryable() { cause } else { Error::unavailable("the transaction was lost") }
}
