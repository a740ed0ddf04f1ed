//! What comes to the writer: single closures, and the lane that carries sends in batches.

use anser_types::{Code, Error, Result};
use tokio::{sync::oneshot, time::Instant};

use crate::Tx;

/// A second, wide lane into the writer, for work that comes in batches: sends.
///
/// For each commit the writer asks [`Lane::run`] once; what it does stands in a savepoint of its own. After the COMMIT
/// (or its failure) [`Lane::finish`] is told, and only then may outcomes leave.
pub trait Lane: Send {
    /// Whether something waits.
    fn ready(&self) -> bool;
    /// Takes what waits (bounded) and writes it. An error, or a panic, rolls the savepoint back.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// What became of the batch that `run` took. An error says nothing about storage where it is retryable.
    fn finish(&mut self, outcome: Result<()>);
}

/// A queued closure.
pub(crate) trait Job: Send {
    fn service(&self) -> &'static str;
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// Answers: with what the closure answered, or with what became of its transaction.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

pub(crate) struct WriteJob<T, F> {
    pub(crate) service: &'static str,
    pub(crate) deadline: Option<Instant>,
    pub(crate) change: F,
    pub(crate) answer: Option<T>,
    pub(crate) reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: Fn(&mut Tx<'_>) -> Result<T> + Send> Job for WriteJob<T, F> {
    fn service(&self) -> &'static str {
        self.service
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(Error::new(Code::DeadlineExceeded, "its time ran out before it began"));
        }
        self.answer = Some((self.change)(tx)?);
        Ok(())
    }

    fn finish(mut self: Box<Self>, outcome: Result<()>) {
        let answer = outcome.and_then(|()| self.answer.take().ok_or_else(|| Error::internal("a change has no answer")));
        let _caller_gone = self.reply.send(answer);
    }
}
