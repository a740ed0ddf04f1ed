//! Reading on: what was committed after a position, for a service that follows the log with a cursor.

use anser_contract::{
    Context,
    v1::{JournalEntry, ReadOnReply, ReadOnRequest},
};
use anser_types::{ConversationId, Error, Result};

use crate::{
    Messaging,
    log::{Snapshot, Stored},
};

/// How many entries one answer has, and how many bytes of bodies; one comes whatever its size.
const MOST: i64 = 1_000;
const MOST_BYTES: usize = 1 << 20;
/// How many are looked at together.
const A_LOOK: i64 = 64;

/// Entries of all conversations after a position, as they now stand: those that were recalled or have expired too, without
/// words. With each change comes what it changed.
pub async fn read_on(room: &Messaging, ctx: &Context, request: ReadOnRequest) -> Result<ReadOnReply> {
    ctx.require_service()?;
    if request.after_position < 0 {
        return Err(Error::field("after_position", "must not be negative"));
    }
    let limit = match i64::from(request.limit) {
        0 => MOST,
        limit => limit.min(MOST),
    };
    room.read(move |log| page(log, request.after_position, limit)).await
}

/// A page of at most `limit` entries.
pub fn page(log: &Snapshot<'_>, after: i64, limit: i64) -> Result<ReadOnReply> {
    let mut reply =
        ReadOnReply { through_position: after, head_position: log.last_position(), ..ReadOnReply::default() };
    let (mut left, mut bytes) = (limit, 0);
    while left > 0 {
        let look = log.stored_since(reply.through_position, left.min(A_LOOK))?;
        let through = (look.len() as i64) < left.min(A_LOOK);
        for stored in look {
            let target = target(log, &stored)?;
            bytes += stored.bytes + target.as_ref().map_or(0, |target| target.bytes);
            if bytes > MOST_BYTES && !reply.items.is_empty() {
                return Ok(reply);
            }
            reply.through_position = stored.position;
            let (entry, target) = (Some(stored.entry), target.map(|target| target.entry));
            reply.items.push(JournalEntry { position: stored.position, entry, target });
            left -= 1;
        }
        if through {
            break;
        }
    }
    Ok(reply)
}

/// What a change changed.
fn target(log: &Snapshot<'_>, stored: &Stored) -> Result<Option<Stored>> {
    let Some(seq) = stored.entry.target_seq() else { return Ok(None) };
    log.entry_at(ConversationId::try_from(&stored.entry.conversation_id[..])?, seq)
}
