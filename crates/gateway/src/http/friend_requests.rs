//! `/v1/friend-requests`: ask for friendship, answer, look through what is open.

use std::sync::Arc;

use anser_contract::v1::{AnswerRequest, FriendRequestView, ListRequestsRequest, RequestFriendRequest};
use anser_types::{Code, FriendRequestId, UserId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
        paging::{Page, limit},
        profiles,
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/friend-requests", "request_friend", ask)
            .rate(Rate::Write)
            .about("Ask somebody for friendship")
            .details(
                "One pending request per pair: a repeat answers the same request, and asking somebody who has asked you \
                 makes you friends.",
            )
            .keyed()
            .takes::<NewRequest>()
            .answers::<FriendRequestView>(201, "The request")
            .refuses(&[Code::NotFound, Code::AlreadyExists, Code::NotAllowed, Code::LimitExceeded]),
        route(Method::GET, "/v1/friend-requests", "list_friend_requests", list)
            .rate(Rate::Read)
            .about("Friend requests that you received, or sent")
            .query::<Listing>()
            .answers::<Page<FriendRequestView>>(200, "A page of requests, with both people"),
        route(Method::GET, "/v1/friend-requests/{request_id}", "get_friend_request", get)
            .rate(Rate::Read)
            .about("One friend request of yours")
            .answers::<FriendRequestView>(200, "The request, with both people"),
        route(Method::POST, "/v1/friend-requests/{request_id}:accept", "accept_friend_request", accept)
            .rate(Rate::Write)
            .about("Become friends")
            .details("Makes or reopens the direct conversation; its id stands in the answer.")
            .keyed()
            .answers::<FriendRequestView>(200, "The accepted request")
            .refuses(&[Code::Gone, Code::LimitExceeded]),
        route(Method::POST, "/v1/friend-requests/{request_id}:reject", "reject_friend_request", reject)
            .rate(Rate::Write)
            .about("Say no")
            .keyed()
            .answers::<FriendRequestView>(200, "The rejected request")
            .refuses(&[Code::Gone]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("friends")).collect()
}

/// Whom to ask.
#[derive(Deserialize, ToSchema)]
struct NewRequest {
    /// The person to become friends with.
    #[schema(value_type = String)]
    to_user_id: UserId,
    /// A word of introduction, at most 200 bytes.
    #[serde(default)]
    message: String,
}

async fn ask(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(NewRequest { to_user_id, message }): Json<NewRequest>,
) -> Answer<(StatusCode, axum::Json<FriendRequestView>)> {
    let request = RequestFriendRequest { to_user_id: to_user_id.to_vec(), message, idempotency_key };
    let asked = gateway.services.contacts.request_friend(&ctx, request).await?;
    Ok((StatusCode::CREATED, axum::Json(profiles::request(&gateway, &ctx, asked).await?)))
}

/// Which requests.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
struct Listing {
    /// `received`, where it is missing, or `sent`.
    #[param(inline)]
    direction: Direction,
    /// How many items, 50 where it is missing or 0; more than 200 means 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; missing or empty for the first page.
    cursor: String,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    #[default]
    Received,
    Sent,
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(listing): Query<Listing>,
) -> Answer<axum::Json<Page<FriendRequestView>>> {
    let sent = listing.direction == Direction::Sent;
    let request = ListRequestsRequest { sent, limit: limit(listing.limit), cursor: listing.cursor };
    let reply = gateway.services.contacts.list_requests(&ctx, request).await?;
    let items = profiles::requests(&gateway, &ctx, reply.items).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

async fn get(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<FriendRequestId>,
) -> Answer<axum::Json<FriendRequestView>> {
    let request = AnswerRequest { request_id: id.to_vec(), idempotency_key: String::new() };
    let found = gateway.services.contacts.get_request(&ctx, request).await?;
    Ok(axum::Json(profiles::request(&gateway, &ctx, found).await?))
}

async fn accept(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<FriendRequestId>,
) -> Answer<axum::Json<FriendRequestView>> {
    let request = AnswerRequest { request_id: id.to_vec(), idempotency_key };
    let accepted = gateway.services.contacts.accept_request(&ctx, request).await?;
    Ok(axum::Json(profiles::request(&gateway, &ctx, accepted).await?))
}

async fn reject(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<FriendRequestId>,
) -> Answer<axum::Json<FriendRequestView>> {
    let request = AnswerRequest { request_id: id.to_vec(), idempotency_key };
    let rejected = gateway.services.contacts.reject_request(&ctx, request).await?;
    Ok(axum::Json(profiles::request(&gateway, &ctx, rejected).await?))
}
