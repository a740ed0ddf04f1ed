//! `/v1/friends`: who one's friends are, and no longer being one.

use std::sync::Arc;

use anser_contract::v1::{DeleteFriendRequest, FriendView, ListFriendsRequest};
use anser_types::UserId;
use axum::extract::State;
use http::{Method, StatusCode};

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Path, Query},
        paging::{Page, Paging},
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
        route(Method::GET, "/v1/friends", "list_friends", list)
            .rate(Rate::Read)
            .about("Your friends, with their profiles")
            .query::<Paging>()
            .answers::<Page<FriendView>>(200, "A page of friends"),
        route(Method::DELETE, "/v1/friends/{user_id}", "remove_friend", remove)
            .rate(Rate::Write)
            .about("End a friendship")
            .details("Closes the direct conversation and keeps its history.")
            .keyed()
            .answers_other(204, None, "You are no longer friends"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("friends")).collect()
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<FriendView>>> {
    let request = ListFriendsRequest { limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.contacts.list_friends(&ctx, request).await?;
    let items = profiles::friends(&gateway, &ctx, reply.items).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(user): Path<UserId>,
) -> Answer<StatusCode> {
    let request = DeleteFriendRequest { user_id: user.to_vec(), idempotency_key };
    gateway.services.contacts.delete_friend(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
