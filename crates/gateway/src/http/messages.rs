//! `/v1/conversations/{conversation_id}/messages`: send, and read the history.

use std::sync::Arc;

use anser_contract::v1::{AppendRequest, Content, HistoryReply, HistoryRequest, SendAck, SendMessage};
use anser_types::{Code, ConversationId, Error, MessageId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        extract::{Call, Json, Path, Query},
        paging::limit,
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/conversations/{conversation_id}/messages", "send_message", send)
            .rate(Rate::Own)
            .about("Send a message")
            .details(
                "`client_msg_id` is the key of the send: a repeat with the same content answers the first acknowledgement \
                 again, with `dup: true`; with other content it is `idempotency_conflict`. With `expires_in_ms` the words go by \
                 themselves so long after `server_ts`, for everybody and from everywhere; `content.expiring` says when. After an answer, the message is \
                 on stable storage. After a time-out or a retryable error, send again with the same id.",
            )
            .takes::<NewMessage>()
            .answers::<SendAck>(201, "The message's place in the conversation")
            .refuses(&[
                Code::Forbidden,
                Code::Muted,
                Code::NotAllowed,
                Code::IdempotencyConflict,
                Code::ConversationClosed,
                Code::FileStoreUnavailable,
                Code::StorageFull,
            ]),
        route(Method::GET, "/v1/conversations/{conversation_id}/messages", "list_messages", history)
            .rate(Rate::Read)
            .about("The history: the newest entries, or those before or after one, or of a time")
            .details("Entries come in ascending order of `seq`. Without parameters: the newest ones. Changes of messages are left out, so go on from \
                 `reached_seq`. `before_seq` and `after_seq` are not \
                 given together; a range of time narrows either.")
            .query::<Range>()
            .answers::<HistoryReply>(200, "Entries that you may see, and whether there are more"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("messages")).collect()
}

/// A message to be sent.
#[derive(Deserialize, ToSchema)]
struct NewMessage {
    /// A UUIDv7 in base32, made once for this message and kept over all retries.
    #[schema(value_type = String)]
    client_msg_id: MessageId,
    content: Content,
    /// After how long its words go by themselves, in milliseconds: 5,000 up to what the server allows. 0: they stay.
    #[serde(default)]
    expires_in_ms: i64,
}

async fn send(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Json(NewMessage { client_msg_id, content, expires_in_ms }): Json<NewMessage>,
) -> Answer<(StatusCode, axum::Json<SendAck>)> {
    let send = SendMessage {
        conversation_id: id.to_vec(),
        client_msg_id: client_msg_id.to_vec(),
        content: Some(content),
        expires_in_ms,
    };
    let reply = gateway.services.messages.append(&ctx, AppendRequest { sends: vec![send] }).await?;
    let outcome = reply.outcomes.into_iter().next().ok_or_else(|| Error::internal("a send without an outcome"))?;
    match (outcome.ack, outcome.error) {
        (Some(ack), _) => Ok((StatusCode::CREATED, axum::Json(ack))),
        (None, Some(problem)) => Err(Error::from(problem).into()),
        (None, None) => Err(Error::internal("an outcome that says nothing").into()),
    }
}

/// Which part of the history.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
struct Range {
    /// Only entries with a smaller seq, the newest of them first to be taken.
    before_seq: i64,
    /// Only entries with a greater seq, the oldest of them first to be taken.
    after_seq: i64,
    /// Only entries of this time or later, in Unix milliseconds.
    from_at: i64,
    /// Only entries before this time, in Unix milliseconds.
    until_at: i64,
    /// How many entries, 50 where it is missing or 0; more than 200 means 200.
    limit: Option<u32>,
}

async fn history(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Query(range): Query<Range>,
) -> Answer<axum::Json<HistoryReply>> {
    let request = HistoryRequest {
        conversation_id: id.to_vec(),
        before_seq: range.before_seq,
        after_seq: range.after_seq,
        from_at: range.from_at,
        until_at: range.until_at,
        limit: limit(range.limit),
    };
    let mut reply = gateway.services.messages.history(&ctx, request).await?;
    // Going back, the log is read from its newest entry; every answer of ours runs forward.
    reply.items.sort_by_key(|entry| entry.seq);
    Ok(axum::Json(reply))
}
