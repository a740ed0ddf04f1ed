//! Ways into a group beside being invited: links, and an admin's consent.

use std::sync::Arc;

use anser_contract::v1::{
    AnswerJoinRequestRequest, CreateJoinLinkRequest, JoinByLinkRequest, JoinLink, JoinLinkView, ListJoinLinksReply,
    ListJoinLinksRequest, ListJoinRequestsRequest, RevokeJoinLinkRequest,
};
use anser_types::{Code, ConversationId, JoinLinkId, UserId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
        paging::{Page, Paging},
        profiles::{self, ConversationView, JoinRequestView},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let closed = [Code::NotFound, Code::ConversationClosed, Code::Gone, Code::LimitExceeded];
    let rows = [
        route(Method::POST, "/v1/conversations/{conversation_id}/links", "create_join_link", create)
            .rate(Rate::Write)
            .about("Make a link into a group")
            .details("Whoever knows its code may come in. Owner and admins may.")
            .keyed()
            .takes::<NewLink>()
            .answers::<JoinLink>(201, "The link")
            .refuses(&[Code::Forbidden, Code::LimitExceeded, Code::ConversationClosed]),
        route(Method::GET, "/v1/conversations/{conversation_id}/links", "list_join_links", list)
            .rate(Rate::Read)
            .about("The links into a group")
            .details("At most 50, so never paged.")
            .answers::<ListJoinLinksReply>(200, "All of them, those that are used up or expired too")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(Method::DELETE, "/v1/conversations/{conversation_id}/links/{link_id}", "revoke_join_link", revoke)
            .rate(Rate::Write)
            .about("Revoke a link into a group")
            .answers_other(204, None, "It leads nowhere any more")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(Method::POST, "/v1/join-links:look", "look_at_join_link", look)
            .rate(Rate::Read)
            .about("Where a link leads")
            .takes::<LinkCode>()
            .answers::<JoinLinkView>(200, "The group behind it")
            .refuses(&closed),
        route(Method::POST, "/v1/join-links:join", "join_by_link", join)
            .rate(Rate::Write)
            .about("Come into a group by a link")
            .details("Where an admin's consent is needed, by the group's rules or because you were removed before, `waiting` is true and \
                 you are told of the answer.")
            .keyed()
            .takes::<Joining>()
            .answers::<JoinedView>(200, "The group, or that you wait for consent")
            .refuses(&closed),
        route(Method::GET, "/v1/conversations/{conversation_id}/join-requests", "list_join_requests", list_requests)
            .rate(Rate::Read)
            .about("Who waits to come into a group")
            .query::<Paging>()
            .answers::<Page<JoinRequestView>>(200, "A page of those who wait")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(
            Method::POST,
            "/v1/conversations/{conversation_id}/join-requests/{user_id}:accept",
            "accept_join_request",
            accept,
        )
        .rate(Rate::Write)
        .about("Let somebody in who waits")
        .details("Whom a member named who is no friend of theirs is asked first.")
        .keyed()
        .answers_other(204, None, "They are in, or asked")
        .refuses(&[Code::Forbidden, Code::LimitExceeded, Code::ConversationClosed]),
        route(
            Method::POST,
            "/v1/conversations/{conversation_id}/join-requests/{user_id}:reject",
            "reject_join_request",
            reject,
        )
        .rate(Rate::Write)
        .about("Send somebody away who waits")
        .keyed()
        .answers_other(204, None, "They wait no longer")
        .refuses(&[Code::Forbidden, Code::ConversationClosed]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("members")).collect()
}

/// A link to be made.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
struct NewLink {
    /// How long it is good, in milliseconds; 0 or missing: until it is revoked.
    valid_ms: i64,
    /// How many may come in by it; 0 or missing: as many as there is room for.
    most_uses: u32,
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
    Json(NewLink { valid_ms, most_uses }): Json<NewLink>,
) -> Answer<(StatusCode, axum::Json<JoinLink>)> {
    let request = CreateJoinLinkRequest { conversation_id: id.to_vec(), valid_ms, most_uses, idempotency_key };
    let link = gateway.services.conversations.create_join_link(&ctx, request).await?;
    Ok((StatusCode::CREATED, axum::Json(link)))
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
) -> Answer<axum::Json<ListJoinLinksReply>> {
    let request = ListJoinLinksRequest { conversation_id: id.to_vec() };
    Ok(axum::Json(gateway.services.conversations.list_join_links(&ctx, request).await?))
}

async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, link)): Path<(ConversationId, JoinLinkId)>,
) -> Answer<StatusCode> {
    let request = RevokeJoinLinkRequest { conversation_id: id.to_vec(), link_id: link.to_vec() };
    gateway.services.conversations.revoke_join_link(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link's code. It is a secret, so it never stands in a path.
#[derive(Deserialize, ToSchema)]
#[schema(as = JoinCode)]
struct LinkCode {
    code: String,
}

async fn look(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Json(LinkCode { code }): Json<LinkCode>,
) -> Answer<axum::Json<JoinLinkView>> {
    let request = JoinByLinkRequest { code, ..JoinByLinkRequest::default() };
    Ok(axum::Json(gateway.services.conversations.look_at_join_link(&ctx, request).await?))
}

/// Coming in by a link.
#[derive(Deserialize, ToSchema)]
struct Joining {
    code: String,
    /// Words for those who consent, at most 200 bytes.
    #[serde(default)]
    message: String,
}

/// What became of coming in by a link.
#[derive(Serialize, ToSchema)]
struct JoinedView {
    /// The group, if you are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<ConversationView>,
    /// Whether you wait for an admin's consent.
    waiting: bool,
}

async fn join(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(Joining { code, message }): Json<Joining>,
) -> Answer<axum::Json<JoinedView>> {
    let request = JoinByLinkRequest { code, message, idempotency_key };
    let reply = gateway.services.conversations.join_by_link(&ctx, request).await?;
    let conversation = match reply.conversation {
        Some(joined) => Some(profiles::conversation(&gateway, &ctx, joined).await?),
        None => None,
    };
    Ok(axum::Json(JoinedView { conversation, waiting: reply.waiting }))
}

async fn list_requests(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<JoinRequestView>>> {
    let request =
        ListJoinRequestsRequest { conversation_id: id.to_vec(), limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.conversations.list_join_requests(&ctx, request).await?;
    let items = profiles::join_requests(&gateway, &ctx, reply.items).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

async fn accept(
    state: State<Arc<Gateway>>,
    call: Call,
    key: IdempotencyKey,
    path: Path<(ConversationId, UserId)>,
) -> Answer<StatusCode> {
    answer(state, call, key, path, true).await
}

async fn reject(
    state: State<Arc<Gateway>>,
    call: Call,
    key: IdempotencyKey,
    path: Path<(ConversationId, UserId)>,
) -> Answer<StatusCode> {
    answer(state, call, key, path, false).await
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, user)): Path<(ConversationId, UserId)>,
    accept: bool,
) -> Answer<StatusCode> {
    let (conversation_id, user_id) = (id.to_vec(), user.to_vec());
    let request = AnswerJoinRequestRequest { conversation_id, user_id, accept, idempotency_key };
    gateway.services.conversations.answer_join_request(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
