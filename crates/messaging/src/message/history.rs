//! Pages of history: recent, older, newer, by time. Any page costs the same, however long the log is.

use anser_contract::{
    Context,
    v1::{Entry, HistoryReply, HistoryRequest},
};
use anser_types::{ConversationId, Error, Result, UserId};

use crate::{
    Messaging,
    log::Snapshot,
    membership::{self, View},
};

const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;
const MOST_BYTES: usize = 1 << 20;

/// A page of `conversation`, newest first unless `after_seq` asks forward.
pub async fn history(room: &Messaging, ctx: &Context, request: HistoryRequest) -> Result<HistoryReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    room.read(move |log| page(log, user, &request, strangers)).await
}

fn page(log: &Snapshot<'_>, user: UserId, request: &HistoryRequest, strangers: bool) -> Result<HistoryReply> {
    let conversation = ConversationId::try_from(&request.conversation_id[..])?;
    if request.before_seq < 0 || request.after_seq < 0 || (request.before_seq > 0 && request.after_seq > 0) {
        return Err(Error::invalid("before_seq and after_seq are positive, and one of them at most"));
    }
    membership::may_read(log, conversation, user, strangers)?;
    let view = View::of(log, conversation, user)?;
    let (mut from, mut to) = (view.earliest_seq().max(request.after_seq + 1), view.head_seq());
    if request.before_seq > 0 {
        to = to.min(request.before_seq - 1);
    }
    if request.from_at > 0 && from <= to {
        from = log.seq_at_time(conversation, from, to, request.from_at)?;
    }
    if request.until_at > 0 && from <= to {
        to = log.seq_at_time(conversation, from, to, request.until_at)? - 1;
    }
    let limit = match request.limit {
        0 => DEFAULT_LIMIT,
        limit => limit.min(MOST),
    } as usize;
    if request.after_seq > 0 {
        forward(log, conversation, &view, (from, to), limit)
    } else {
        backward(log, conversation, &view, (from, to), limit)
    }
}

fn forward(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    view: &View,
    (from, to): (i64, i64),
    limit: usize,
) -> Result<HistoryReply> {
    let mut items: Vec<Entry> = Vec::new();
    for (first, last) in view.ranges(from, to) {
        let left = limit - items.len();
        if left == 0 {
            break;
        }
        let stored = log.entries(conversation, first, last, left, MOST_BYTES)?;
        items.extend(stored.into_iter().map(|stored| stored.entry));
    }
    let reached = items.last().map_or(to, |entry| entry.seq);
    Ok(HistoryReply { has_more: view.ranges(reached + 1, to).next().is_some(), items })
}

fn backward(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    view: &View,
    (from, to): (i64, i64),
    limit: usize,
) -> Result<HistoryReply> {
    let mut items: Vec<Entry> = Vec::new();
    for (first, last) in view.ranges(from, to).rev() {
        let left = limit - items.len();
        if left == 0 {
            break;
        }
        let first = first.max(last - left as i64 + 1);
        let stored = log.entries(conversation, first, last, left, usize::MAX)?;
        items.extend(stored.into_iter().rev().map(|stored| stored.entry));
    }
    let reached = items.last().map_or(from, |entry| entry.seq);
    Ok(HistoryReply { has_more: view.ranges(from, reached - 1).next().is_some(), items })
}
