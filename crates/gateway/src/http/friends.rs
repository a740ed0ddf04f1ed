//! `/v1/friends`: who one's friends are, what one notes about them, and no longer being one.

use std::sync::Arc;

use anser_contract::v1::{DeleteFriendRequest, FriendView, InCategory, ListFriendsRequest, UpdateFriendRequest};
use anser_types::{Error, FriendCategoryId, UserId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
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
        route(Method::PATCH, "/v1/friends/{user_id}", "update_friend", update)
            .rate(Rate::Write)
            .about("Note something about a friend: a remark, a category")
            .details("Only you see it, on all your devices. What is left out stays as it is.")
            .keyed()
            .takes::<FriendNotes>()
            .answers::<FriendView>(200, "The friend as you see them now"),
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

/// What to note about a friend.
#[derive(Deserialize, ToSchema)]
struct FriendNotes {
    /// Your own words for them, at most 64 bytes; empty: none.
    remark: Option<String>,
    /// One of your categories; empty: none.
    #[schema(pattern = "^([0-9A-TV-Za-tv-z]{25}[048CGMORWcgmorw])?$")]
    category_id: Option<String>,
}

async fn update(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(user): Path<UserId>,
    Json(FriendNotes { remark, category_id }): Json<FriendNotes>,
) -> Answer<axum::Json<FriendView>> {
    let category = category_id.map(|id| in_category(&id)).transpose()?;
    let request = UpdateFriendRequest { user_id: user.to_vec(), remark, category, idempotency_key };
    let friend = gateway.services.contacts.update_friend(&ctx, request).await?;
    Ok(axum::Json(profiles::friend(&gateway, &ctx, friend).await?))
}

fn in_category(id: &str) -> Result<InCategory, Error> {
    if id.is_empty() {
        return Ok(InCategory::default());
    }
    let id: FriendCategoryId = id.parse().map_err(|error: Error| Error::field("category_id", error.detail))?;
    Ok(InCategory { category_id: id.to_vec() })
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
