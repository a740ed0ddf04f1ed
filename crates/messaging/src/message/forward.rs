//! Forwarding: what one may read here is said again there, by whoever forwards, as messages of their own. Nothing leads
//! back: where it was said is not told, and recalling the original does not recall it.

use anser_contract::{
    Context, EntryKind,
    v1::{AppendReply, Bundle, BundleItem, Content, Entry, ForwardRequest, Forwarded, SendMessage, content::Kind},
};
use anser_types::{Code, ConversationId, Error, MessageId, Result, UserId};
use prost::Message as _;

use super::{
    prepare::prepare_forwarded,
    send_many::send_all,
    target::{expired, is_withdrawn},
};
use crate::{
    Messaging,
    log::{self, Snapshot},
    membership::{self, View},
};

/// How many messages one call forwards.
const MOST: usize = 100;
/// How deep bundles may stand in bundles.
const DEPTH: usize = 3;
/// The longest title of a bundle, in bytes.
const TITLE_BYTES: usize = 128;

/// Forwards messages, each as one of its own or all as one bundle. Rights are checked at both ends.
pub async fn forward(room: &Messaging, ctx: &Context, request: ForwardRequest) -> Result<AppendReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let id = |field, bytes: &[u8]| ConversationId::try_from(bytes).map_err(|error| Error::field(field, error.detail));
    let from = id("from_conversation_id", &request.from_conversation_id)?;
    let to = id("to_conversation_id", &request.to_conversation_id)?;
    if request.seqs.is_empty() || request.seqs.len() > MOST {
        return Err(Error::field("seqs", format!("1 to {MOST} messages")));
    }
    let keys_wanted = if request.bundle { 1 } else { request.seqs.len() };
    if request.client_msg_ids.len() != keys_wanted {
        return Err(Error::field("client_msg_ids", format!("{keys_wanted} of them: one for each new message")));
    }
    if request.title.len() > TITLE_BYTES || request.title.chars().any(char::is_control) {
        return Err(Error::field("title", format!("{TITLE_BYTES} bytes at most, without control characters")));
    }
    let (seqs, keys) = (request.seqs.clone(), request.client_msg_ids.clone());
    let originals = room
        .read(move |log| {
            if is_repeat(log, to, user, &keys)? {
                return Ok(None);
            }
            membership::may_read(log, from, user, strangers)?;
            let view = View::of(log, from, user)?;
            let originals = seqs.iter().map(|seq| original(log, from, &view, *seq));
            originals.collect::<Result<Vec<_>>>().map(Some)
        })
        .await?;
    let mut contents = match originals {
        // What was stored then is the answer, whatever became of the originals.
        None => vec![Content::default(); keys_wanted],
        Some(originals) if request.bundle => {
            let items = originals.into_iter().map(item).collect();
            vec![Kind::Bundle(Bundle { title: request.title.clone(), items }).into()]
        }
        Some(originals) => originals.into_iter().map(copy).collect(),
    };
    if contents.iter().any(|content| depth(content) > DEPTH) {
        return Err(Error::new(Code::TooLarge, format!("bundles stand {DEPTH} deep in each other at most")));
    }
    // What could be said there when it was said may no longer be said here.
    for content in &mut contents {
        room.words.apply(content)?;
    }
    let asked = |index: usize| {
        let seqs = if request.bundle { request.seqs.clone() } else { vec![request.seqs[index]] };
        let asked = ForwardRequest { seqs, client_msg_ids: Vec::new(), ..request.clone() };
        asked.encode_to_vec()
    };
    let (body_bytes, deadline) = (room.options.body_bytes, ctx.deadline);
    let sends = contents.into_iter().zip(&request.client_msg_ids).enumerate().map(|(index, (content, key))| {
        let send = SendMessage {
            conversation_id: request.to_conversation_id.clone(),
            client_msg_id: key.clone(),
            content: Some(content),
            ..SendMessage::default()
        };
        let asked = asked(index);
        move |reply_to| prepare_forwarded(user, send, &asked, body_bytes, deadline, reply_to)
    });
    send_all(room, ctx, user, sends.collect()).await
}

/// Whether each of these keys was used there before.
fn is_repeat(log: &Snapshot<'_>, to: ConversationId, user: UserId, keys: &[Vec<u8>]) -> Result<bool> {
    for key in keys {
        let Ok(cmid) = MessageId::try_from(&key[..]) else { return Ok(false) };
        if log::find_key(log, to, user, cmid)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn original(log: &Snapshot<'_>, conversation: ConversationId, view: &View, seq: i64) -> Result<Entry> {
    let missing = || Error::not_found("message");
    if seq < 1 || !view.shows(seq) {
        return Err(missing());
    }
    let entry = log.entry_at(conversation, seq)?.ok_or_else(missing)?.entry;
    if entry.content.as_ref().and_then(Content::entry_kind) != Some(EntryKind::Message) {
        return Err(missing());
    }
    if is_withdrawn(&entry) {
        return Err(Error::new(Code::Gone, "this message was recalled"));
    }
    if entry.is_expired() {
        return Err(expired());
    }
    if entry.content.as_ref().is_some_and(|content| content.expiring.is_some()) {
        return Err(Error::new(Code::Forbidden, "a message that expires is not forwarded: it would outlive its time"));
    }
    Ok(entry)
}

/// The words alone, with who said them first: what they answered and for whom they were meant stays behind.
fn copy(entry: Entry) -> Content {
    let content = entry.content.unwrap_or_default();
    let first = Forwarded { sender_id: entry.sender_id, server_ts: entry.server_ts };
    Content { kind: content.kind, forwarded: content.forwarded.or(Some(Box::new(first))), ..Content::default() }
}

fn item(entry: Entry) -> BundleItem {
    let content = Content { kind: entry.content.unwrap_or_default().kind, ..Content::default() };
    BundleItem { sender_id: entry.sender_id, server_ts: entry.server_ts, content: Some(content) }
}

/// How deep bundles stand in each other.
pub fn depth(content: &Content) -> usize {
    match &content.kind {
        Some(Kind::Bundle(bundle)) => {
            let deepest = bundle.items.iter().filter_map(|item| item.content.as_ref()).map(depth).max();
            1 + deepest.unwrap_or(0)
        }
        _ => 0,
    }
}
