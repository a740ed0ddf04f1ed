//! Noting when people were last online, in the user service: once a second, many in one transaction, and nothing while
//! nobody comes or goes. A crash loses the goings of the last second, and those it made itself: then it stays at when
//! they came.

use std::sync::{Arc, Weak};

use anser_contract::{
    Context,
    v1::{NoteSeenRequest, Seen, Users},
};
use anser_types::Result;
use tokio::time::{Duration, MissedTickBehavior};

use crate::Messaging;

const EVERY: Duration = Duration::from_secs(1);
/// How many people one transaction is about; the others wait for the next.
const A_STEP: usize = 1_000;

/// Notes until the room is dropped.
pub fn start(room: &Arc<Messaging>, users: Arc<dyn Users>) {
    tokio::spawn(run(Arc::downgrade(room), users));
}

async fn run(room: Weak<Messaging>, users: Arc<dyn Users>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(room) = room.upgrade() else { return };
        if let Err(error) = note(&room, &*users).await {
            tracing::warn!(%error, "when people were online could not be noted");
        }
    }
}

/// One step; answers whether there was anything to note.
async fn note(room: &Messaging, users: &dyn Users) -> Result<bool> {
    let seen = room.seen.some(A_STEP);
    if seen.is_empty() {
        return Ok(false);
    }
    let items = seen.iter().map(|(user, at)| Seen { user_id: user.to_vec(), at: *at }).collect();
    users.note_seen(&Context::service(), NoteSeenRequest { items }).await?;
    room.seen.noted(&seen);
    Ok(true)
}

/// Notes everything that waits, and everybody who is online: the process ends.
pub async fn note_everybody(room: &Messaging, users: &dyn Users) -> Result<()> {
    room.fanout.note_everybody().await;
    while note(room, users).await? {}
    Ok(())
}
