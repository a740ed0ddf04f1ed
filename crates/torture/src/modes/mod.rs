//! The kinds of runs.

pub mod bigroup;
pub mod faults;
pub mod kill;
mod party;
pub mod props;
mod server;
pub mod torment;

pub use party::Party;
pub use server::Server;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::check::{Report, check};

/// Checks a history away from the threads that serve sockets.
pub async fn judge(history: &Path) -> Result<Report> {
    let path = history.to_owned();
    tokio::task::spawn_blocking(move || check(&path)).await.context("the checker panicked")?
}

/// Where a run keeps its history: the place that was asked for, or one in `scratch`.
pub fn history_path(asked: Option<&Path>, scratch: &Path, name: &str) -> PathBuf {
    asked.map_or_else(|| scratch.join(format!("{name}.jsonl")), Path::to_owned)
}
