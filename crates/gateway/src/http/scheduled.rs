//! Messages for later: `/v1/scheduled-messages`, and `/v1/conversations/{conversation_id}/scheduled-messages`.

use std::sync::Arc;

use anser_contract::v1::{
    CancelScheduledRequest, Content, ListScheduledRequest, RescheduleRequest, ScheduleRequest, ScheduledMessage,
    SendMessage,
};
use anser_types::{Code, ConversationId, MessageId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, Json, Path, Query},
        paging::{Page, Paging},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

const OF_CONVERSATION: &str = "/v1/conversations/{conversation_id}/scheduled-messages";
const ONE: &str = "/v1/conversations/{conversation_id}/scheduled-messages/{client_msg_id}";

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, OF_CONVERSATION, "schedule_message", schedule)
            .rate(Rate::Write)
            .about("Have a message sent later")
            .details(
                "At `send_at` it is sent under its `client_msg_id` like any other message, and stands in the conversation from then on. \
                 Whether you may send is looked at now and again then: if you may not then, it is listed as `failed`. A \
                 repeat answers what became of it.",
            )
            .takes::<Later>()
            .answers::<ScheduledMessage>(201, "The message as it waits")
            .refuses(&[
                Code::Forbidden,
                Code::Muted,
                Code::NotAllowed,
                Code::IdempotencyConflict,
                Code::ConversationClosed,
                Code::LimitExceeded,
                Code::TooLarge,
                Code::FileStoreUnavailable,
                Code::StorageFull,
            ]),
        route(Method::GET, "/v1/scheduled-messages", "list_scheduled_messages", list)
            .rate(Rate::Read)
            .about("Your messages for later")
            .details("Those that wait, and those that failed in the last week, in the order of their `client_msg_id`.")
            .query::<Paging>()
            .answers::<Page<ScheduledMessage>>(200, "A page of them"),
        route(Method::PATCH, ONE, "reschedule_message", reschedule)
            .rate(Rate::Write)
            .about("Have it sent at another time")
            .takes::<AnotherTime>()
            .answers::<ScheduledMessage>(200, "The message as it waits")
            .refuses(&[Code::Gone]),
        route(Method::DELETE, ONE, "cancel_scheduled_message", cancel)
            .rate(Rate::Write)
            .about("Have it not sent at all")
            .details("Takes it out of the list, also where it failed.")
            .answers_other(204, None, "It is not sent")
            .refuses(&[Code::Gone]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("messages")).collect()
}

/// A message for later.
#[derive(Deserialize, ToSchema)]
struct Later {
    /// A UUIDv7 in base32, made once for this message and kept over all retries.
    #[schema(value_type = String)]
    client_msg_id: MessageId,
    content: Content,
    /// When, in Unix milliseconds.
    send_at: i64,
    /// After how long its words go by themselves, in milliseconds, counted from when it is sent. 0: they stay.
    #[serde(default)]
    expires_in_ms: i64,
}

async fn schedule(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Json(Later { client_msg_id, content, send_at, expires_in_ms }): Json<Later>,
) -> Answer<(StatusCode, axum::Json<ScheduledMessage>)> {
    let send = SendMessage {
        conversation_id: id.to_vec(),
        client_msg_id: client_msg_id.to_vec(),
        content: Some(content),
        expires_in_ms,
    };
    let request = ScheduleRequest { send: Some(send), send_at };
    Ok((StatusCode::CREATED, axum::Json(gateway.services.messages.schedule(&ctx, request).await?)))
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<ScheduledMessage>>> {
    let request = ListScheduledRequest { limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.messages.list_scheduled(&ctx, request).await?;
    Ok(axum::Json(Page { items: reply.items, next_cursor: reply.next_cursor }))
}

/// When it is to be sent instead.
#[derive(Deserialize, ToSchema)]
struct AnotherTime {
    /// In Unix milliseconds.
    send_at: i64,
}

async fn reschedule(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, cmid)): Path<(ConversationId, MessageId)>,
    Json(AnotherTime { send_at }): Json<AnotherTime>,
) -> Answer<axum::Json<ScheduledMessage>> {
    let request = RescheduleRequest { conversation_id: id.to_vec(), client_msg_id: cmid.to_vec(), send_at };
    Ok(axum::Json(gateway.services.messages.reschedule(&ctx, request).await?))
}

async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, cmid)): Path<(ConversationId, MessageId)>,
) -> Answer<StatusCode> {
    let request = CancelScheduledRequest { conversation_id: id.to_vec(), client_msg_id: cmid.to_vec() };
    gateway.services.messages.cancel_scheduled(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
