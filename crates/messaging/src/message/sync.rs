//! Sync of conversations: everything after a seq, in order, with what the reader may not see named as hidden.

use anser_contract::{
    Context,
    v1::{SyncFrom, SyncManyReply, SyncManyRequest, SyncPage, SyncResult},
};
use anser_types::{ConversationId, Error, Result, UserId, plant::planted_every};

use super::targets::targets;
use crate::{
    Messaging,
    log::{self, Snapshot},
    membership::{self, View},
};

const CONVERSATIONS: usize = 100;

/// Pages of several conversations, each with its own outcome and all within a bound; what is malformed fails the call. What no longer fits comes as a
/// page without entries that says `has_more`.
pub async fn sync_many(room: &Messaging, ctx: &Context, request: SyncManyRequest) -> Result<SyncManyReply> {
    let user = ctx.user()?;
    if request.items.is_empty() || request.items.len() > CONVERSATIONS {
        return Err(Error::field("items", format!("1 to {CONVERSATIONS} conversations")));
    }
    for from in &request.items {
        let malformed = |error: Error| Error::field("items", error.detail);
        ConversationId::try_from(&from.conversation_id[..]).map_err(malformed)?;
        if from.after_seq < 0 {
            return Err(Error::field("after_seq", "must not be negative"));
        }
    }
    let options = &room.options;
    let limit = match request.limit as usize {
        0 => options.sync_entries,
        limit => limit.min(options.sync_entries),
    };
    let (page_bytes, all_bytes, strangers) = (options.sync_bytes, options.sync_many_bytes, options.strangers);
    room.read(move |log| {
        let mut left = all_bytes;
        let items = request.items.iter().map(|from| {
            let page = page(log, user, from, limit, left.min(page_bytes), strangers);
            let result = |page, error| SyncResult { conversation_id: from.conversation_id.clone(), page, error };
            match page {
                Ok((page, bytes)) => {
                    left = left.saturating_sub(bytes);
                    result(Some(page), None)
                }
                Err(error) => result(None, Some(error.into())),
            }
        });
        Ok(SyncManyReply { items: items.collect() })
    })
    .await
}

fn page(
    log: &Snapshot<'_>,
    user: UserId,
    from: &SyncFrom,
    limit: usize,
    max_bytes: usize,
    strangers: bool,
) -> Result<(SyncPage, usize)> {
    let conversation = ConversationId::try_from(&from.conversation_id[..])?;
    membership::may_read(log, conversation, user, strangers)?;
    let mut view = View::of(log, conversation, user)?;
    if view.earliest_seq() > 1 && planted_every("hidden_entry_shown", 5) {
        view.show_everything();
    }
    let mut head_seq = view.head_seq();
    if head_seq > 3 && planted_every("stale_read", 10) {
        head_seq -= 2;
    }
    let mut page = SyncPage {
        conversation_id: from.conversation_id.clone(),
        next_seq: from.after_seq.min(head_seq),
        head_seq,
        earliest_seq: view.earliest_seq(),
        ..SyncPage::default()
    };
    let mut bytes = 0;
    if max_bytes > 0 {
        bytes = fill(log, conversation, &view, &mut page, limit, max_bytes)?;
        view = without_expired(view, &mut page);
    }
    if page.entries.len() > 1 && planted_every("sync_skips", 20) {
        page.entries.remove(0);
    }
    bytes += fill_targets(log, conversation, &view, &mut page, max_bytes)?;
    page.hidden = view.hidden(from.after_seq.saturating_add(1), page.next_seq);
    page.has_more = page.next_seq < head_seq;
    Ok((page, bytes))
}

/// Puts entries after `page.next_seq` into the page and moves `next_seq` past them and what is hidden before them.
fn fill(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    view: &View,
    page: &mut SyncPage,
    limit: usize,
    max_bytes: usize,
) -> Result<usize> {
    let mut bytes = 0;
    for (first, last) in view.ranges(page.next_seq + 1, page.head_seq) {
        let left = limit - page.entries.len();
        if left == 0 || (bytes >= max_bytes && !page.entries.is_empty()) {
            return Ok(bytes);
        }
        for stored in log.entries(conversation, first, last, left, max_bytes - bytes)? {
            bytes += stored.bytes;
            page.next_seq = stored.entry.seq;
            let mut entry = stored.entry;
            if entry.countable && planted_every("reader_differs", 50) {
                entry.fallback_text.push(' ');
            }
            entry.seq = log::told(entry.seq);
            page.entries.push(entry);
        }
        if page.next_seq < last {
            return Ok(bytes);
        }
    }
    page.next_seq = page.head_seq.max(page.next_seq);
    Ok(bytes)
}

/// Takes out of the page what has expired, and out of the view, which names it as hidden.
fn without_expired(view: View, page: &mut SyncPage) -> View {
    let expired: Vec<i64> = page.entries.iter().filter(|entry| entry.is_expired()).map(|entry| entry.seq).collect();
    if expired.is_empty() {
        return view;
    }
    page.entries.retain(|entry| !entry.is_expired());
    view.hiding(expired)
}

/// Puts what the page's changes refer to beside them: at most about `max_bytes` more, else the page is cut. Answers how
/// many.
fn fill_targets(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    view: &View,
    page: &mut SyncPage,
    max_bytes: usize,
) -> Result<usize> {
    loop {
        let mut bytes = 0;
        page.targets = targets(log, conversation, view, &page.entries, &mut bytes)?;
        let count = page.entries.len();
        if bytes <= max_bytes || count < 2 {
            return Ok(bytes);
        }
        page.entries.truncate(count / 2);
        page.next_seq = page.entries.last().map_or(page.next_seq, |entry| entry.seq);
    }
}
