//! Telling of reactions: once a second, one entry for each message whose reactions moved, with the counts as they are.
//!
//! A reaction's own transaction notes the message as untold, and the note goes with the transaction that tells, so a crash
//! between the two loses nothing.

use std::sync::{Arc, Weak};

use anser_contract::v1::{Reacted, content::Kind};
use anser_engine::Tx;
use anser_types::{ConversationId, Result, UserId};
use tokio::time::{Duration, MissedTickBehavior};

use super::{store, target::is_withdrawn};
use crate::{Messaging, log, notice::Notices};

const EVERY: Duration = Duration::from_secs(1);
/// How many messages one transaction tells of.
const A_STEP: usize = 16;
/// How many steps are taken each second; the rest waits for the next.
const STEPS: usize = 32;

/// Tells of reactions until the room is dropped.
pub fn start(room: &Arc<Messaging>) {
    tokio::spawn(run(Arc::downgrade(room)));
}

async fn run(room: Weak<Messaging>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(room) = room.upgrade() else { return };
        if let Err(error) = tell(&room).await {
            tracing::warn!(%error, "reactions could not be told");
        }
    }
}

/// Tells of what is untold now; answers of how many messages.
pub async fn tell(room: &Messaging) -> Result<usize> {
    let mut told = 0;
    let mut untold = room.db.read(|reader| store::untold(reader, A_STEP * STEPS)).await?;
    while !untold.is_empty() {
        let step = untold.split_off(untold.len().saturating_sub(A_STEP));
        told += step.len();
        for message in step {
            let notices = Notices::new(room);
            room.db.write(move |tx| tell_one(tx, message, &notices)).await?;
        }
    }
    Ok(told)
}

fn tell_one(
    tx: &mut Tx<'_>,
    (conversation, seq, actor): (ConversationId, i64, UserId),
    notices: &Notices,
) -> Result<()> {
    store::forget_untold(tx, conversation, seq)?;
    let found = notices.log.at(tx)?.entry_at(conversation, seq)?;
    let Some(mut stored) = found.filter(|stored| !is_withdrawn(&stored.entry) && !stored.entry.is_expired()) else {
        return Ok(());
    };
    let reactions = store::count_reactions(tx, conversation, seq)?;
    if reactions == store::told_reactions(tx, conversation, seq)? {
        return Ok(());
    }
    store::set_told_reactions(tx, conversation, seq, &reactions)?;
    let (content, edited_at) = (stored.entry.content.clone().unwrap_or_default(), stored.entry.edited_at);
    log::rewrite(tx, conversation, &mut stored, content, edited_at)?;
    stored.entry.reactions.clone_from(&reactions);
    let reacted = Reacted { target_seq: seq, version: i64::from(stored.entry.version), reactions };
    notices.change(tx, conversation, actor, Kind::Reacted(reacted), stored.entry)?;
    Ok(())
}
