//! Messages that the caller may read now.
//!
//! What the caller may read goes into the search, so that pages fill; and every hit is looked up in the log as the caller, so that
//! nothing is shown that they may not see at this moment: the index may be a moment behind a recall, an edit, a removal. The snippet
//! is made of what the log says.

use std::sync::Arc;

use anser_contract::{
    Actor, Context,
    v1::{
        Entry, EntryName, ListVisibleRequest, LookUpRequest, MessageHit, SearchMessagesReply, SearchMessagesRequest,
        SearchOrder,
    },
};
use anser_types::{Error, Result, UserId};

use super::{
    Readable,
    ask::{self, phrases},
    highlight::{places, snippet},
    text,
    walk::{Hit, Rank, Walk},
    when,
};
use crate::{SearchService, words::Word};

/// Hits on a page.
const MOST: usize = 200;
/// How often a page is filled up whose hits were not to be shown; then it is shorter, and the next begins after it.
const ROUNDS: usize = 5;
/// Names in one call.
const LOOK_UP: usize = 200;

/// Answers a question about messages.
pub async fn search_messages(
    search: &SearchService,
    ctx: &Context,
    request: SearchMessagesRequest,
) -> Result<SearchMessagesReply> {
    let me = ctx.user()?;
    let phrases = phrases(&request.query)?;
    check(&request)?;
    let list = list_name(&request);
    let mut after = match request.cursor.as_str() {
        "" => None,
        cursor => {
            let bytes = search.pages.open(me, &list, cursor)?;
            Some(Rank::from_bytes(&bytes).ok_or_else(|| Error::field("cursor", "not a cursor of this list"))?)
        }
    };
    let limit = (request.limit as usize).clamp(1, MOST);
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    let visible = search.journal.list_visible(&service, ListVisibleRequest { user_id: me.to_vec() }).await?;
    let only = (!request.conversation_id.is_empty()).then_some(&request.conversation_id[..]);
    let readable = Arc::new(Readable::new(&visible.items, only));
    let mut reply = SearchMessagesReply { degraded: !search.messages.progress.is_current(), ..Default::default() };
    if readable.is_empty() {
        // Whoever may read nothing of a conversation is not told whether there is one.
        return if only.is_some() { Err(Error::not_found("conversation")) } else { Ok(reply) };
    }
    for _ in 0..ROUNDS {
        // One more than is missing says whether there is another page.
        let wanted = limit - reply.items.len();
        let hits = walk(search, ctx, &request, &phrases, &readable, after, wanted + 1).await?;
        let more = hits.len() > wanted;
        let shown = look_up(search, &service, me, &readable, &hits[..hits.len().min(wanted)], &phrases, &request);
        reply.items.extend(shown.await?);
        after = hits[..hits.len().min(wanted)].last().map(|hit| hit.rank).or(after);
        match after {
            Some(last) if more => reply.next_cursor = search.pages.seal(me, &list, &last.to_bytes()),
            _ => reply.next_cursor.clear(),
        }
        if !more || reply.items.len() >= limit {
            break;
        }
    }
    Ok(reply)
}

fn check(request: &SearchMessagesRequest) -> Result<()> {
    for (field, id) in [("conversation_id", &request.conversation_id), ("sender_id", &request.sender_id)] {
        if !id.is_empty() && id.len() != 16 {
            return Err(Error::field(field, "not an id"));
        }
    }
    if request.from_at < 0 || request.until_at < 0 {
        return Err(Error::field("from_at", "times are Unix milliseconds"));
    }
    Ok(())
}

/// Everything that the order and the choice depend on.
fn list_name(request: &SearchMessagesRequest) -> String {
    let SearchMessagesRequest { query, conversation_id, sender_id, r#type, from_at, until_at, order, .. } = request;
    format!("search messages {conversation_id:?} {sender_id:?} {type} {from_at} {until_at} {order} {query}")
}

/// Asks the index, on a thread that may block.
async fn walk(
    search: &SearchService,
    ctx: &Context,
    request: &SearchMessagesRequest,
    phrases: &[Vec<Word>],
    readable: &Arc<Readable>,
    after: Option<Rank>,
    limit: usize,
) -> Result<Vec<Hit>> {
    let messages = search.messages.clone();
    let (request, phrases, readable, deadline) = (request.clone(), phrases.to_vec(), readable.clone(), ctx.deadline);
    search
        .on_a_thread(ctx, &search.messages.volume, move |searcher| {
            let query = ask::query(&messages.fields, searcher, &phrases, &request, &readable)
                .map_err(|error| crate::volume::broken("messages", &error))?;
            let walk = Walk {
                query: &*query,
                readable: &readable,
                best: request.order() == SearchOrder::Best,
                after,
                from: when(request.from_at, 0),
                until: if request.until_at == 0 { u64::MAX } else { when(request.until_at, 0) },
                limit,
                deadline,
            };
            walk.run(searcher, &messages.bounds)
        })
        .await
}

/// The hits that may be shown, in their order.
async fn look_up(
    search: &SearchService,
    ctx: &Context,
    me: UserId,
    readable: &Readable,
    hits: &[Hit],
    phrases: &[Vec<Word>],
    request: &SearchMessagesRequest,
) -> Result<Vec<MessageHit>> {
    let mut shown = Vec::with_capacity(hits.len());
    for hits in hits.chunks(LOOK_UP) {
        let name = |hit: &Hit| {
            let conversation_id = readable.id(hit.rank.conversation)?.to_vec();
            Some(EntryName { conversation_id, seq: hit.seq as i64 })
        };
        let items: Vec<EntryName> = hits.iter().filter_map(name).collect();
        let request_for_names = LookUpRequest { user_id: me.to_vec(), items: items.clone() };
        let mut entries = search.journal.look_up(ctx, request_for_names).await?.items;
        for EntryName { conversation_id, seq } in items {
            let is_it = |entry: &Entry| entry.seq == seq && entry.conversation_id == conversation_id;
            let Some(index) = entries.iter().position(is_it) else { continue };
            shown.extend(hit(entries.swap_remove(index), phrases, request));
        }
    }
    Ok(shown)
}

/// An entry as it is shown, if the question is still true of it.
fn hit(entry: Entry, phrases: &[Vec<Word>], request: &SearchMessagesRequest) -> Option<MessageHit> {
    let text = text::of(entry.content.as_ref()?)?;
    if !request.sender_id.is_empty() && request.sender_id != entry.sender_id {
        return None;
    }
    let (snippet, highlights) = snippet(&text, &places(&text, phrases)?);
    Some(MessageHit { entry: Some(entry), snippet, highlights })
}
