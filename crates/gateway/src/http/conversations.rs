//! `/v1/conversations`: make, list, look at, leave, how far one has read, and what one sets for oneself.

use std::sync::Arc;

use anser_contract::v1::{
    ChangeSettingsRequest, ConversationSettings, CreateGroupRequest, GetConversationRequest, LeaveRequest,
    ListConversationsRequest, MoveReadCursorRequest, OpenDirectRequest, ReadMoved,
};
use anser_types::{Code, ConversationId, Error, UserId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
        paging::{Page, Paging},
        profiles::{self, ConversationView},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/conversations", "create_conversation", create)
            .rate(Rate::Write)
            .about("Make a group, or open the direct conversation with somebody")
            .details(
                "With `user_id`: the direct conversation with that person, which exists for friends already and is opened \
                 for strangers only where the server allows it. Without: a group, of which you are the owner; friends in \
                 `member_ids` come in at once, others are invited.",
            )
            .keyed()
            .takes::<NewConversation>()
            .answers::<ConversationView>(201, "The conversation")
            .refuses(&[Code::NotFound, Code::NotAllowed, Code::LimitExceeded, Code::StorageFull]),
        route(Method::GET, "/v1/conversations", "list_conversations", list)
            .rate(Rate::Read)
            .about("Your conversations, newest first")
            .details("With last message, unread count, and the peer's or group's name and avatar: an opening screen in one call.")
            .query::<Paging>()
            .answers::<Page<ConversationView>>(200, "A page of conversations"),
        route(Method::GET, "/v1/conversations/{conversation_id}", "get_conversation", get)
            .rate(Rate::Read)
            .about("One conversation of yours")
            .answers::<ConversationView>(200, "The conversation"),
        route(Method::PUT, "/v1/conversations/{conversation_id}/read", "move_read_cursor", read)
            .rate(Rate::Write)
            .about("Say how far you have read")
            .details("The cursor only moves forward and never beyond the head; the answer says where it stands.")
            .takes::<ReadUpTo>()
            .answers::<ReadMoved>(200, "Where the cursor stands, and what is unread"),
        route(Method::PATCH, "/v1/conversations/{conversation_id}/settings", "change_settings", change_settings)
            .rate(Rate::Write)
            .about("Set something about a conversation for yourself: on top, quiet, aside, out of sight, marked unread, a draft")
            .details(
                "What is not named stays. The same on all your devices: they are told, and find it by `sync/me`. A hidden \
                 conversation comes back with the next thing that happens in it; a mark goes when you read on.",
            )
            .takes::<NewSettings>()
            .answers::<ConversationSettings>(200, "Your settings of it")
            .refuses(&[Code::LimitExceeded]),
        route(Method::POST, "/v1/conversations/{conversation_id}:leave", "leave_conversation", leave)
            .rate(Rate::Write)
            .about("Leave a group")
            .details("The owner hands the group over or closes it first.")
            .keyed()
            .answers_other(204, None, "You are no longer a member")
            .refuses(&[Code::Forbidden]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("conversations")).collect()
}

/// A group to be made, or somebody to talk to.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
#[derive(Default)]
struct NewConversation {
    /// The other person of a direct conversation; missing for a group.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// The group's name.
    title: String,
    /// The group's picture.
    avatar: String,
    /// Who else is in the group.
    #[schema(value_type = Vec<String>)]
    member_ids: Vec<UserId>,
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(new): Json<NewConversation>,
) -> Answer<(StatusCode, axum::Json<ConversationView>)> {
    let conversations = &gateway.services.conversations;
    let made = match new.user_id {
        Some(_) if !new.member_ids.is_empty() || !new.title.is_empty() => {
            return Err(Error::field("user_id", "a direct conversation has neither title nor members").into());
        }
        Some(user) => {
            let request = OpenDirectRequest { user_id: user.to_vec(), idempotency_key };
            conversations.open_direct(&ctx, request).await?
        }
        None => {
            let member_ids = new.member_ids.into_iter().map(UserId::to_vec).collect();
            let request = CreateGroupRequest { title: new.title, avatar: new.avatar, member_ids, idempotency_key };
            conversations.create_group(&ctx, request).await?
        }
    };
    Ok((StatusCode::CREATED, axum::Json(profiles::conversation(&gateway, &ctx, made).await?)))
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<ConversationView>>> {
    let request = ListConversationsRequest { limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.conversations.list_conversations(&ctx, request).await?;
    let items = profiles::conversations(&gateway, &ctx, reply.items).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

async fn get(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
) -> Answer<axum::Json<ConversationView>> {
    let request = GetConversationRequest { conversation_id: id.to_vec() };
    let found = gateway.services.conversations.get_conversation(&ctx, request).await?;
    Ok(axum::Json(profiles::conversation(&gateway, &ctx, found).await?))
}

/// How far one has read.
#[derive(Deserialize, ToSchema)]
struct ReadUpTo {
    /// The last seq that was read.
    read_seq: i64,
}

async fn read(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Json(ReadUpTo { read_seq }): Json<ReadUpTo>,
) -> Answer<axum::Json<ReadMoved>> {
    let request = MoveReadCursorRequest { conversation_id: id.to_vec(), read_seq };
    Ok(axum::Json(gateway.services.messages.move_read_cursor(&ctx, request).await?))
}

async fn leave(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
) -> Answer<StatusCode> {
    let request = LeaveRequest { conversation_id: id.to_vec(), idempotency_key };
    gateway.services.conversations.leave(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is to be set; what is missing stays.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
struct NewSettings {
    /// On top of the list, or not.
    pinned: Option<bool>,
    /// For how long from now your devices keep quiet about it, in milliseconds; 0: not any more; more than a year: until
    /// further notice.
    mute_ms: Option<i64>,
    /// Put aside, or not.
    archived: Option<bool>,
    /// Out of the list until something new is in it, or not.
    hidden: Option<bool>,
    /// Marked unread, or not.
    marked_unread: Option<bool>,
    /// Words not sent yet; empty: none.
    draft: Option<String>,
}

async fn change_settings(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Json(new): Json<NewSettings>,
) -> Answer<axum::Json<ConversationSettings>> {
    let NewSettings { pinned, mute_ms, archived, hidden, marked_unread, draft } = new;
    let conversation_id = id.to_vec();
    let request = ChangeSettingsRequest { conversation_id, pinned, mute_ms, archived, hidden, marked_unread, draft };
    Ok(axum::Json(gateway.services.conversations.change_settings(&ctx, request).await?))
}
