//! The plain run: people do things for a while, then everything is read back and judged.

use std::{path::Path, time::Duration};

use anyhow::Result;
use tokio::time::sleep;

use super::{Party, Server};
use crate::{check::Report, drive::Habits};

/// What a plain run is.
#[derive(Clone, Debug)]
pub struct Torment {
    /// How long people do things.
    pub seconds: u64,
    /// The seed.
    pub seed: u64,
    /// How many people.
    pub people: usize,
    /// How they behave.
    pub habits: Habits,
}

/// Torments the server at `url`.
pub async fn run(url: &str, history: &Path, torment: &Torment) -> Result<Report> {
    let Torment { seconds, seed, people, habits } = torment.clone();
    let mut party = Party::prepare(url, history, "run", people, habits, seed).await?;
    party.begin().await?;
    sleep(Duration::from_secs(seconds)).await;
    party.finish(history).await
}

/// Torments a server of our own.
pub async fn run_own(
    program: &Path,
    scratch: &Path,
    environment: &[(&str, &str)],
    history: &Path,
    torment: &Torment,
) -> Result<Report> {
    let mut server = Server::new(program, &scratch.join("data"))?;
    server.start(environment).await?;
    let report = run(&server.url(), history, torment).await;
    server.kill().await?;
    report
}
