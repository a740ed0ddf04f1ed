//! Pages of history: recent, older, newer, by time. Any page costs the same, however long the log is: changes are left
//! out as expired messages are, and where there are very many of them between the messages a page is shorter and says how far it looked.

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
/// How many entries are looked at for each one that is wanted.
const LOOKS: usize = 4;

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
    let (mut from, mut to) = (view.earliest_seq().max(request.after_seq.saturating_add(1)), view.head_seq());
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
    let mut page = Page::new(limit, to);
    'page: for (first, last) in view.ranges(from, to) {
        let mut next = first;
        while next <= last {
            if page.full() {
                break 'page;
            }
            for stored in log.entries(conversation, next, last, page.wanted(), MOST_BYTES)? {
                next = stored.entry.seq + 1;
                page.take(stored.entry);
            }
        }
    }
    let has_more = view.ranges(page.reached + 1, to).next().is_some();
    Ok(page.reply(has_more))
}

fn backward(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    view: &View,
    (from, to): (i64, i64),
    limit: usize,
) -> Result<HistoryReply> {
    let mut page = Page::new(limit, from);
    'page: for (first, last) in view.ranges(from, to).rev() {
        let mut last = last;
        while last >= first {
            if page.full() {
                break 'page;
            }
            let start = first.max(last - page.wanted() as i64 + 1);
            let stored = log.entries(conversation, start, last, page.wanted(), usize::MAX)?;
            stored.into_iter().rev().for_each(|stored| page.take(stored.entry));
            last = start - 1;
        }
    }
    let has_more = view.ranges(from, page.reached - 1).next().is_some();
    Ok(page.reply(has_more))
}

/// The newest entry of a conversation that says something by itself, if it is not far behind its end.
pub fn newest(log: &Snapshot<'_>, conversation: ConversationId, view: &View) -> Result<Option<Entry>> {
    let page = backward(log, conversation, view, (view.earliest_seq(), view.head_seq()), 1)?;
    Ok(page.items.into_iter().next())
}

/// A page in the making.
struct Page {
    items: Vec<Entry>,
    limit: usize,
    looked: usize,
    /// The last seq that was looked at; where nothing was, the end that there is.
    reached: i64,
}

impl Page {
    fn new(limit: usize, end: i64) -> Self {
        Self { items: Vec::new(), limit, looked: 0, reached: end }
    }

    fn full(&self) -> bool {
        self.items.len() >= self.limit || self.looked >= (self.limit * LOOKS).max(MOST as usize)
    }

    fn wanted(&self) -> usize {
        self.limit - self.items.len()
    }

    fn take(&mut self, entry: Entry) {
        self.looked += 1;
        self.reached = entry.seq;
        if entry.target_seq().is_none() && !entry.is_expired() {
            self.items.push(entry);
        }
    }

    fn reply(self, has_more: bool) -> HistoryReply {
        HistoryReply { items: self.items, has_more, reached_seq: self.reached }
    }
}
