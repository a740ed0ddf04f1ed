//! What becomes of a message after it was sent: `/v1/conversations/{conversation_id}/messages/{seq}` and its neighbours.

use std::sync::Arc;

use anser_contract::v1::{
    AppendReply, Changed, Content, DeleteForMeReply, DeleteForMeRequest, EditRequest, ForwardRequest, HiddenRange,
    ListPinsReply, ListPinsRequest, ListReactionsReply, ListReactionsRequest, ListReadersReply, ListReadersRequest,
    ListVersionsReply, ListVersionsRequest, RecallRequest, SetPinRequest, SetReactionRequest,
};
use anser_types::{Code, ConversationId, MessageId};
use axum::extract::State;
use http::Method;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
        paging::limit,
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

const MESSAGE: &str = "/v1/conversations/{conversation_id}/messages/{seq}";
const VERSIONS: &str = "/v1/conversations/{conversation_id}/messages/{seq}/versions";
const REACTIONS: &str = "/v1/conversations/{conversation_id}/messages/{seq}/reactions";
const REACTION: &str = "/v1/conversations/{conversation_id}/messages/{seq}/reactions/{emoji}";
const PIN: &str = "/v1/conversations/{conversation_id}/messages/{seq}/pin";
const READERS: &str = "/v1/conversations/{conversation_id}/messages/{seq}/readers";

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let talking = [Code::Forbidden, Code::Muted, Code::NotAllowed, Code::ConversationClosed, Code::Gone];
    let rows = [
        route(Method::PATCH, MESSAGE, "edit_message", edit)
            .rate(Rate::Write)
            .about("Put other words in the place of your own message")
            .details(
                "Everybody who may see the message gets the change, with the message as it now stands. The server says how long a \
                 message may be edited.",
            )
            .keyed()
            .takes::<NewWords>()
            .answers::<Changed>(200, "The message's version, and the entry that tells of it")
            .refuses(&talking)
            .refuses(&[Code::RateLimited, Code::StorageFull]),
        route(Method::DELETE, MESSAGE, "recall_message", recall)
            .rate(Rate::Write)
            .about("Take a message back for everybody")
            .details(
                "Its words are gone from every answer at once, and from the server's files soon after; its place stays. Your own within \
                 a time that the server sets; owner and admins also those of members.",
            )
            .keyed()
            .answers::<Changed>(200, "The message's version, and the entry that tells of it")
            .refuses(&talking),
        route(Method::GET, VERSIONS, "list_versions", versions)
            .rate(Rate::Read)
            .about("The words that a message had before")
            .details("For owner and admins of a group, where the server keeps them.")
            .answers::<ListVersionsReply>(200, "The earlier words, oldest first")
            .refuses(&[Code::Forbidden]),
        route(
            Method::POST,
            "/v1/conversations/{conversation_id}/messages:delete-for-me",
            "delete_for_me",
            delete_for_me,
        )
        .rate(Rate::Write)
        .about("Hide entries from yourself, on all your devices")
        .takes::<Ranges>()
        .answers::<DeleteForMeReply>(200, "All that is hidden so in this conversation")
        .refuses(&[Code::LimitExceeded]),
        route(Method::PUT, REACTION, "add_reaction", add_reaction)
            .rate(Rate::Write)
            .about("React to a message")
            .details("The counts are told to everybody within a second or so, several reactions together.")
            .answers::<Changed>(200, "The message's version")
            .refuses(&talking)
            .refuses(&[Code::LimitExceeded, Code::RateLimited]),
        route(Method::DELETE, REACTION, "remove_reaction", remove_reaction)
            .rate(Rate::Write)
            .about("Take a reaction back")
            .answers::<Changed>(200, "The message's version")
            .refuses(&talking),
        route(Method::GET, REACTIONS, "list_reactions", reactions)
            .rate(Rate::Read)
            .about("Who reacted to a message")
            .query::<WhichReactions>()
            .answers::<ListReactionsReply>(200, "A page of people and their reactions"),
        route(Method::PUT, PIN, "pin_message", pin)
            .rate(Rate::Write)
            .about("Pin a message")
            .details("In a group owner and admins may; in a direct conversation both.")
            .answers::<Changed>(200, "The message's version, and the entry that tells of it")
            .refuses(&talking)
            .refuses(&[Code::LimitExceeded]),
        route(Method::DELETE, PIN, "unpin_message", unpin)
            .rate(Rate::Write)
            .about("Take a pin off a message")
            .answers::<Changed>(200, "The message's version, and the entry that tells of it")
            .refuses(&talking),
        route(Method::GET, "/v1/conversations/{conversation_id}/pins", "list_pins", pins)
            .rate(Rate::Read)
            .about("The pinned messages")
            .details("At most 50, so never paged.")
            .answers::<ListPinsReply>(200, "Those that you may see, the newest pin first"),
        route(Method::GET, READERS, "list_readers", readers)
            .rate(Rate::Read)
            .about("Who has read a message, and how many")
            .query::<WhichReaders>()
            .answers::<ListReadersReply>(200, "A page of people, and the counts")
            .refuses(&[Code::Forbidden]),
        route(Method::POST, "/v1/conversations/{conversation_id}/messages:forward", "forward_messages", forward)
            .rate(Rate::Write)
            .about("Say here again what was said elsewhere")
            .details(
                "Each message for itself, or all of them as one bundle. You must be able to read them there and to send here. The words \
                 are copied: recalling the original does not recall them.",
            )
            .takes::<Forwarding>()
            .answers::<AppendReply>(200, "For each new message its place or its error")
            .refuses(&talking)
            .refuses(&[Code::TooLarge]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("messages")).collect()
}

/// What a message is to say.
#[derive(Deserialize, ToSchema)]
struct NewWords {
    content: Content,
}

async fn edit(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, seq)): Path<(ConversationId, i64)>,
    Json(NewWords { content }): Json<NewWords>,
) -> Answer<axum::Json<Changed>> {
    let request = EditRequest { conversation_id: id.to_vec(), seq, content: Some(content), idempotency_key };
    Ok(axum::Json(gateway.services.messages.edit(&ctx, request).await?))
}

async fn recall(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, seq)): Path<(ConversationId, i64)>,
) -> Answer<axum::Json<Changed>> {
    let request = RecallRequest { conversation_id: id.to_vec(), seq, idempotency_key };
    Ok(axum::Json(gateway.services.messages.recall(&ctx, request).await?))
}

async fn versions(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, seq)): Path<(ConversationId, i64)>,
) -> Answer<axum::Json<ListVersionsReply>> {
    let request = ListVersionsRequest { conversation_id: id.to_vec(), seq };
    Ok(axum::Json(gateway.services.messages.list_versions(&ctx, request).await?))
}

/// What is to be hidden.
#[derive(Deserialize, ToSchema)]
struct Ranges {
    /// Both ends are included; what lies beyond the head is left out.
    ranges: Vec<HiddenRange>,
}

async fn delete_for_me(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Json(Ranges { ranges }): Json<Ranges>,
) -> Answer<axum::Json<DeleteForMeReply>> {
    let request = DeleteForMeRequest { conversation_id: id.to_vec(), ranges };
    Ok(axum::Json(gateway.services.messages.delete_for_me(&ctx, request).await?))
}

async fn add_reaction(
    state: State<Arc<Gateway>>,
    call: Call,
    path: Path<(ConversationId, i64, String)>,
) -> Answer<axum::Json<Changed>> {
    set_reaction(state, call, path, false).await
}

async fn remove_reaction(
    state: State<Arc<Gateway>>,
    call: Call,
    path: Path<(ConversationId, i64, String)>,
) -> Answer<axum::Json<Changed>> {
    set_reaction(state, call, path, true).await
}

async fn set_reaction(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, seq, emoji)): Path<(ConversationId, i64, String)>,
    remove: bool,
) -> Answer<axum::Json<Changed>> {
    let request = SetReactionRequest { conversation_id: id.to_vec(), seq, emoji, remove };
    Ok(axum::Json(gateway.services.messages.set_reaction(&ctx, request).await?))
}

/// Which reactions.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
struct WhichReactions {
    /// Only this one; all where it is missing.
    emoji: String,
    /// How many, 50 where it is missing or 0; more than 200 means 200.
    limit: Option<u32>,
    /// `next_cursor` of an earlier answer.
    cursor: String,
}

async fn reactions(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, seq)): Path<(ConversationId, i64)>,
    Query(which): Query<WhichReactions>,
) -> Answer<axum::Json<ListReactionsReply>> {
    let WhichReactions { emoji, cursor, .. } = which;
    let request = ListReactionsRequest { conversation_id: id.to_vec(), seq, emoji, limit: limit(which.limit), cursor };
    Ok(axum::Json(gateway.services.messages.list_reactions(&ctx, request).await?))
}

async fn pin(state: State<Arc<Gateway>>, call: Call, path: Path<(ConversationId, i64)>) -> Answer<axum::Json<Changed>> {
    set_pin(state, call, path, false).await
}

async fn unpin(
    state: State<Arc<Gateway>>,
    call: Call,
    path: Path<(ConversationId, i64)>,
) -> Answer<axum::Json<Changed>> {
    set_pin(state, call, path, true).await
}

async fn set_pin(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, seq)): Path<(ConversationId, i64)>,
    remove: bool,
) -> Answer<axum::Json<Changed>> {
    let request = SetPinRequest { conversation_id: id.to_vec(), seq, remove };
    Ok(axum::Json(gateway.services.messages.set_pin(&ctx, request).await?))
}

async fn pins(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
) -> Answer<axum::Json<ListPinsReply>> {
    let request = ListPinsRequest { conversation_id: id.to_vec() };
    Ok(axum::Json(gateway.services.messages.list_pins(&ctx, request).await?))
}

/// Which readers.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
struct WhichReaders {
    /// Those who have not read it, instead of those who have.
    unread: bool,
    /// How many, 50 where it is missing or 0; more than 200 means 200.
    limit: Option<u32>,
    /// `next_cursor` of an earlier answer.
    cursor: String,
}

async fn readers(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, seq)): Path<(ConversationId, i64)>,
    Query(which): Query<WhichReaders>,
) -> Answer<axum::Json<ListReadersReply>> {
    let WhichReaders { unread, cursor, .. } = which;
    let request = ListReadersRequest { conversation_id: id.to_vec(), seq, limit: limit(which.limit), cursor, unread };
    Ok(axum::Json(gateway.services.messages.list_readers(&ctx, request).await?))
}

/// What is to be said again.
#[derive(Deserialize, ToSchema)]
struct Forwarding {
    /// Where it was said.
    #[schema(value_type = String)]
    from_conversation_id: ConversationId,
    /// Which messages, in the order in which they are to stand.
    seqs: Vec<i64>,
    /// A key for each new message: one for a bundle.
    #[schema(value_type = Vec<String>)]
    client_msg_ids: Vec<MessageId>,
    /// All of them as one message.
    #[serde(default)]
    bundle: bool,
    /// The bundle's title.
    #[serde(default)]
    title: String,
}

async fn forward(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Json(forwarding): Json<Forwarding>,
) -> Answer<axum::Json<AppendReply>> {
    let Forwarding { from_conversation_id, seqs, client_msg_ids, bundle, title } = forwarding;
    let request = ForwardRequest {
        from_conversation_id: from_conversation_id.to_vec(),
        seqs,
        to_conversation_id: id.to_vec(),
        client_msg_ids: client_msg_ids.into_iter().map(MessageId::to_vec).collect(),
        bundle,
        title,
    };
    Ok(axum::Json(gateway.services.messages.forward(&ctx, request).await?))
}
