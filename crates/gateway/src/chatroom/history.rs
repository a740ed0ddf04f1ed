//! Messages that were said: the newest, those of a time, those with some words. Oldest first.

use anser_contract::{
    chatroom::{
        GetHistoryMsgReq, GetHistoryMsgRsp, GetRecentMsgReq, GetRecentMsgRsp, MessageInfo, MsgSearchReq, MsgSearchRsp,
    },
    v1::{Entry, GetConversationRequest, HistoryRequest, SearchMessagesRequest, SearchOrder},
};
use anser_types::{Code, Result as Answered};
use prost::Message as _;

use super::{
    call::Call,
    people::one_of,
    render,
    words::{Refused, USERS_NOT_READ},
};

/// How many messages one answer holds, and about how many bytes of them.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 8 << 20;
/// How many are asked for at once.
const PAGE: u32 = 200;
/// How many pages are looked at: what is no message takes room in them too.
const PAGES: usize = 20;
/// How many are found.
const FOUND: u32 = 100;

pub(super) async fn get_recent(call: Call, asked: GetRecentMsgReq) -> Result<GetRecentMsgRsp, Refused> {
    let conversation = call.conversation(&asked.chat_session_id)?;
    let most = usize::try_from(asked.msg_count).unwrap_or_default().clamp(1, MOST);
    let request = HistoryRequest { conversation_id: conversation.to_vec(), ..HistoryRequest::default() };
    let entries = newest(&call, request, most).await.map_err(|error| call.refuse_conversation(&error))?;
    Ok(GetRecentMsgRsp { msg_list: shown(&call, entries).await?, ..GetRecentMsgRsp::default() })
}

/// Both ends of the time are included, in seconds.
pub(super) async fn get_history(call: Call, asked: GetHistoryMsgReq) -> Result<GetHistoryMsgRsp, Refused> {
    let conversation = call.conversation(&asked.chat_session_id)?;
    let from_at = asked.start_time.max(0).saturating_mul(1_000);
    let until_at = asked.over_time.saturating_add(1).saturating_mul(1_000);
    let request =
        HistoryRequest { conversation_id: conversation.to_vec(), from_at, until_at, ..HistoryRequest::default() };
    let entries = match until_at > from_at {
        true => newest(&call, request, MOST).await,
        false => may_read(&call, conversation.to_vec()).await.map(|()| Vec::new()),
    };
    let entries = entries.map_err(|error| call.refuse_conversation(&error))?;
    Ok(GetHistoryMsgRsp { msg_list: shown(&call, entries).await?, ..GetHistoryMsgRsp::default() })
}

pub(super) async fn search_history(call: Call, asked: MsgSearchReq) -> Result<MsgSearchRsp, Refused> {
    let conversation = call.conversation(&asked.chat_session_id)?;
    may_read(&call, conversation.to_vec()).await.map_err(|error| call.refuse_conversation(&error))?;
    let query = asked.search_key.trim();
    if query.is_empty() {
        return Ok(MsgSearchRsp::default());
    }
    let request = SearchMessagesRequest {
        query: query.to_owned(),
        conversation_id: conversation.to_vec(),
        order: SearchOrder::Newest.into(),
        limit: FOUND,
        ..SearchMessagesRequest::default()
    };
    let found = match call.services().search.search_messages(&call.ctx, request).await {
        // There is nothing in it that could be searched for.
        Err(error) if error.code == Code::InvalidArgument => return Ok(MsgSearchRsp::default()),
        found => found.map_err(|error| call.refuse_conversation(&error))?,
    };
    let mut entries: Vec<Entry> = found.items.into_iter().filter_map(|hit| hit.entry).collect();
    entries.sort_unstable_by_key(|entry| entry.seq);
    Ok(MsgSearchRsp { msg_list: shown(&call, entries).await?, ..MsgSearchRsp::default() })
}

/// Whether the caller is, or was, in this conversation.
pub(super) async fn may_read(call: &Call, conversation_id: Vec<u8>) -> Answered<()> {
    let request = GetConversationRequest { conversation_id };
    call.services().conversations.get_conversation(&call.ctx, request).await.map(|_| ())
}

/// The newest messages of a range, oldest first; `most` of them, or fewer where they are large.
pub(super) async fn newest(call: &Call, mut request: HistoryRequest, most: usize) -> Answered<Vec<Entry>> {
    let mut messages: Vec<Entry> = Vec::new();
    let mut bytes = 0;
    request.limit = PAGE.min(most as u32);
    'pages: for _ in 0..PAGES {
        let page = call.services().messages.history(&call.ctx, request.clone()).await?;
        for entry in page.items.into_iter().filter(render::is_message) {
            bytes += entry.encoded_len();
            if messages.len() == most || (bytes > MOST_BYTES && !messages.is_empty()) {
                break 'pages;
            }
            messages.push(entry);
        }
        if !page.has_more || page.reached_seq <= 1 || messages.len() == most {
            break;
        }
        request.before_seq = page.reached_seq;
    }
    messages.reverse();
    Ok(messages)
}

/// Messages with their senders. Files are named only: clients fetch them when they need them.
async fn shown(call: &Call, entries: Vec<Entry>) -> Result<Vec<MessageInfo>, Refused> {
    let senders = entries.iter().map(|entry| entry.sender_id.clone()).collect();
    let people = call.room.people(&call.ctx, senders).await.map_err(|_| USERS_NOT_READ)?;
    let message = |entry: &Entry| render::message(entry, one_of(&people, &entry.sender_id));
    Ok(entries.iter().filter_map(message).collect())
}
