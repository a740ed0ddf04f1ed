//! Resume: what a returning device missed since a position, straight from the log, if it is little enough.

use anser_contract::{
    Context,
    v1::{ConversationJoined, Entry, ReadMoved, ResumeReply, ResumeRequest},
};
use anser_types::{ConversationId, Result, UserId, plant::planted};

use super::{store, targets::targets};
use crate::{
    Messaging,
    log::{self, Snapshot},
    membership::{self, Stay, View},
};

/// Everything `user` may see with a position after the given one.
pub async fn resume(room: &Messaging, ctx: &Context, request: ResumeRequest) -> Result<ResumeReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    let most = Most { entries: room.options.resume_entries, bytes: room.options.resume_bytes };
    room.read(move |log| replay(log, user, request.after_position, most)).await
}

/// The most that is replayed; beyond it the device must sync.
#[derive(Clone, Copy)]
struct Most {
    entries: usize,
    bytes: usize,
}

fn replay(log: &Snapshot<'_>, user: UserId, after: i64, most: Most) -> Result<ResumeReply> {
    let through_position = log.last_position();
    let mut reply = ResumeReply { through_position, ..ResumeReply::default() };
    if after > through_position {
        reply.sync_required = true;
        return Ok(reply);
    }
    let mut bytes = 0;
    let mut deleted = membership::all_deleted(log, user)?;
    for (conversation, stays) in membership::conversations_of(log, user)? {
        let deleted = deleted.remove(&conversation).unwrap_or_default();
        let head = log.head(conversation)?;
        let (read_seq, moved) = store::cursor(log, conversation, user)?;
        // The cursor's position is the log's end at that time: the same end may have been reported before it moved.
        if moved >= after && moved > 0 {
            let view = View::new(stays.clone(), head.seq).without(deleted.clone());
            let unread = view.unread(log, conversation, read_seq)?;
            let read_seq = read_seq.max(view.joined_seq());
            reply.reads.push(ReadMoved { conversation_id: conversation.to_vec(), read_seq, unread });
        }
        if head.position <= after {
            continue;
        }
        let missed = Missed { conversation, after, left: most.entries.saturating_sub(reply.entries.len()) };
        let latest = stays.last().copied();
        let view = View::new(stays, head.seq).without(deleted);
        let fits = missed.replay(log, &view, latest, &mut reply, &mut bytes)?;
        if !fits || bytes > most.bytes || reply.entries.len() > most.entries {
            return Ok(ResumeReply { sync_required: true, through_position, ..ResumeReply::default() });
        }
    }
    Ok(reply)
}

struct Missed {
    conversation: ConversationId,
    after: i64,
    left: usize,
}

impl Missed {
    /// Adds what is new in one conversation; `false`: it is too much.
    fn replay(
        &self,
        log: &Snapshot<'_>,
        view: &View,
        latest: Option<Stay>,
        reply: &mut ResumeReply,
        bytes: &mut usize,
    ) -> Result<bool> {
        let first = log.first_seq_after(self.conversation, self.after)?;
        // Joined since: named, and synced from its beginning rather than replayed.
        if let Some(stay) = latest.filter(|stay| stay.joined_seq >= first) {
            let conversation_id = self.conversation.to_vec();
            reply.joined.push(ConversationJoined { conversation_id, earliest_seq: stay.from_seq });
            return Ok(true);
        }
        let first = first + i64::from(planted("resume_skips"));
        let before = reply.entries.len();
        for (from, to) in view.ranges(first, view.head_seq()) {
            if to - from + 1 > self.left as i64 {
                return Ok(false);
            }
            for stored in log.entries(self.conversation, from, to, self.left, usize::MAX)? {
                *bytes += stored.bytes;
                let seq = log::told(stored.entry.seq);
                reply.entries.push(Entry { seq, ..stored.entry });
            }
        }
        let replayed = &reply.entries[before..];
        reply.targets.extend(targets(log, self.conversation, view, replayed, bytes)?);
        Ok(true)
    }
}
