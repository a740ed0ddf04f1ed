//! Telling the file service which files messages hold: what no message holds any more is to go from its store.
//!
//! That something moved is noted in the transaction that moved it, and the note goes after the telling, so a crash forgets
//! nothing and may tell twice. What is told is how it is at that time: held by some message or by none. That none holds a
//! file is told a while later, so that a send or a forward that is on its way finds what it names.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anser_contract::{Context, v1::HoldFilesRequest};
use anser_engine::Tx;
use anser_types::{Clock, FileId, Result, Timestamp};
use tokio::time::Instant;

use super::store;
use crate::{Messaging, MessagingService, alarm::Alarm};

/// How long a file that no message holds any more is kept for those that are on their way.
pub const GRACE_MS: i64 = 60_000;
/// Of how many files it is told at once.
const A_STEP: usize = 100;
/// How long the file service may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where it is away it is told again after so long.
const AGAIN_MS: i64 = 5_000;

/// Notes, in the transaction that moved them, that the file service is to be told of these files at `due`.
pub fn moved(tx: &mut Tx<'_>, files: &[FileId], due: Timestamp, alarm: &Arc<Alarm>) -> Result<()> {
    for file in files {
        store::note_moved(tx, *file, due)?;
    }
    if !files.is_empty() {
        let alarm = alarm.clone();
        tx.after_commit(move || alarm.ring_by(due));
    }
    Ok(())
}

impl MessagingService {
    /// Tells the file service what messages hold; answers of how many files.
    pub async fn tell_files(&self) -> Result<usize> {
        tell(&self.0).await
    }

    /// Tells the file service what messages hold, until the process ends.
    pub fn start_telling_files(&self) {
        tokio::spawn(run(Arc::downgrade(&self.0), self.0.holding.clone(), self.0.clock.clone()));
    }
}

async fn run(room: Weak<Messaging>, alarm: Arc<Alarm>, clock: Clock) {
    loop {
        alarm.wait(&clock).await;
        let Some(room) = room.upgrade() else { return };
        if let Err(error) = tell(&room).await {
            tracing::warn!(%error, "the file service could not be told yet what messages hold");
            alarm.ring_by(clock.now() + AGAIN_MS);
        }
    }
}

async fn tell(room: &Messaging) -> Result<usize> {
    let mut told = 0;
    loop {
        let now = room.clock.now();
        let moved = room.db.read(move |reader| store::moved_by(reader, now, A_STEP)).await?;
        if moved.is_empty() {
            break;
        }
        for held in [true, false] {
            let files = moved.iter().filter(|(_, is_held)| *is_held == held).map(|(file, _)| file.to_vec()).collect();
            tell_of(room, files, !held).await?;
        }
        told += moved.len();
        let settle = move |tx: &mut Tx<'_>| {
            for &(file, held) in &moved {
                // Otherwise it changed meanwhile, and is told again.
                if store::is_held(tx, file)? == held {
                    store::forget_moved(tx, file)?;
                }
            }
            Ok(())
        };
        room.db.write(settle).await?;
    }
    if let Some(next) = room.db.read(store::next_moved).await? {
        room.holding.ring_by(next);
    }
    Ok(told)
}

async fn tell_of(room: &Messaging, file_ids: Vec<Vec<u8>>, release: bool) -> Result<()> {
    if file_ids.is_empty() {
        return Ok(());
    }
    let ctx = Context { deadline: Instant::now() + PATIENCE, ..Context::service() };
    tokio::time::timeout_at(ctx.deadline, room.files.hold_files(&ctx, HoldFilesRequest { file_ids, release }))
        .await
        .map_err(|_| super::claim::away())?
        .map(drop)
}
