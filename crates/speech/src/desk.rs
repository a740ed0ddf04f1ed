//! How many recordings are worked on at once, and how many wait.

use std::{future::Future, sync::Arc};

use anser_types::{Code, Error, Result};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// The places for recordings.
pub struct Desk {
    /// Of those that are worked on and those that wait.
    places: Arc<Semaphore>,
    /// Of those that are worked on.
    working: Semaphore,
}

/// A place for one recording.
pub struct Place(#[expect(dead_code, reason = "held until the recording is done with")] OwnedSemaphorePermit);

impl Desk {
    /// A desk where `at_once` are worked on and `queue` more wait.
    pub fn new(at_once: usize, queue: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once + queue)), working: Semaphore::new(at_once) }
    }

    /// A place, or `unavailable` where all are taken.
    pub fn place(&self) -> Result<Place> {
        let busy = || Error::unavailable("too many recordings are waiting").retry_after(2_000);
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| busy())
    }

    /// Does some work when its turn comes, until `deadline`.
    pub async fn work<T>(&self, _place: &Place, deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
        let in_turn = async {
            let _turn = self.working.acquire().await.map_err(|_| Error::internal("the desk is closed"))?;
            work.await
        };
        let late = || Error::new(Code::DeadlineExceeded, "the words could not be found in time");
        timeout_at(deadline, in_turn).await.map_err(|_| late())?
    }
}
