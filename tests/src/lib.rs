//! What the black-box suite stands on: a server as a process ([`TestApp`]), people ([`Person`]) and their devices
//! ([`Device`]).
//!
//! The suite runs against one of three servers, named by `ANSER_TEST_MODE`: `objects` (one process, the default),
//! `remote` (one process whose roles call each other over the network adapters), `split` (a gateway process and a store
//! process). With `ANSER_TEST_SERVER=URL` it runs against that server; tests that need a process of their own then skip
//! and say so.
//!
//! Nothing here waits for a time to pass: everything waits for something to happen, and fails when it does not.

#![allow(clippy::unwrap_used, reason = "this is test code: a panic is how it fails")]

mod app;
mod device;
mod files;
mod people;
mod phones;
mod process;

use std::{future::Future, time::Duration};

use anser_client::Error;
use anser_types::Code;

pub use app::{Mode, TestApp};
pub use device::{Device, texts};
pub use files::{file_id, png, png_of};
pub use people::{PASSWORD, Person};
pub use process::{AdminCommand, Said, anser_binary, run_anser};

/// Everything that must happen happens within this time, slow machines and debug builds included.
pub const SOON: Duration = Duration::from_secs(10);

/// The outcome of something that must happen soon.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

/// The outcome of something that must happen within a given time.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: did not happen within {limit:?}"),
    }
}

/// Asks again and again until the answer is yes.
pub async fn until<F, Fut>(what: &str, mut ask: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    soon(what, async {
        while !ask().await {
            // A pause between two questions, not a wait for time to pass.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// The code of a refusal; anything else fails the test.
pub fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Code {
    match outcome {
        Err(error) => error.code().unwrap_or_else(|| panic!("not a refusal: {error:?}")),
        Ok(value) => panic!("a refusal was expected, and not {value:?}"),
    }
}
