//! The property of sync: whatever happened, after a sync a device holds what a fresh device holds.
//!
//! Each history has three people of its own. Of one of them two devices are watched ([`watched`]) while random things
//! happen ([`story`], [`changing`]): edits, recalls, reactions, deletions for oneself, removal, rejoining, other rules,
//! unfriending, blocks, floods beyond the push window, disconnections with resume points and tokens of any age, restarts
//! of the server.

mod changing;
mod fresh;
mod story;
mod watched;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use tokio::{
    sync::{Mutex, RwLock},
    task::JoinSet,
};

use super::{Server, party::unix_ms};
use crate::{
    drive::{Habits, Http, World},
    history::Recorder,
};

/// How many histories run side by side.
const LANES: u64 = 6;

/// What the histories share: the server, which any of them may restart while the others hold still.
pub(super) struct Stage {
    server: Mutex<Server>,
    /// Held for reading by every step of a history, for writing by a restart.
    standing: RwLock<()>,
    world: Arc<World>,
}

impl Stage {
    async fn restart(&self) -> Result<()> {
        let _alone = self.standing.write().await;
        let mut server = self.server.lock().await;
        server.kill().await?;
        server.start(&[]).await?;
        Ok(())
    }
}

/// Runs `histories` of them. Answers whether the property held in all.
pub async fn run(program: &Path, scratch: &Path, histories: u64, seed: u64) -> Result<bool> {
    // A narrow window, so that floods go beyond it.
    let mut server = Server::new(program, &scratch.join("data"))?
        .set("gateway.unacked_pushes=8")
        .set("gateway.queued_events=24")
        .set("limits.sends_per_second=100000")
        .set("limits.send_burst=100000");
    server.start(&[]).await?;
    let recorder = Arc::new(Recorder::create(&scratch.join("history.jsonl"))?);
    let http = Http::new(&server.url(), recorder.clone())?;
    let world = World::new(http, recorder, Vec::new(), Habits::default(), seed, unix_ms());
    let stage = Arc::new(Stage { server: Mutex::new(server), standing: RwLock::new(()), world });
    let (next, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES.min(histories.max(1)) {
        let (stage, next, failed) = (stage.clone(), next.clone(), failed.clone());
        lanes.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= histories || failed.load(Ordering::Relaxed) >= 5 {
                    return;
                }
                if let Err((error, steps)) = story::tell(&stage, seed.wrapping_add(number)).await {
                    failed.fetch_add(1, Ordering::Relaxed);
                    println!("history of seed {}: {error:#}\n  {}", seed.wrapping_add(number), steps.join("\n  "));
                }
                if (number + 1).is_multiple_of(100) {
                    eprintln!("{} of {histories} histories", number + 1);
                }
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.context("a lane panicked")?;
    }
    stage.server.lock().await.kill().await?;
    let failed = failed.load(Ordering::Relaxed);
    println!("{histories} histories from seed {seed}: {failed} in which a device differs from a fresh one");
    Ok(failed == 0)
}
