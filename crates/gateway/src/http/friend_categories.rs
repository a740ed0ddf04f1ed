//! `/v1/friend-categories`: the groups into which one sorts one's friends, seen by nobody else.

use std::sync::Arc;

use anser_contract::v1::{
    CreateCategoryRequest, DeleteCategoryRequest, FriendCategories, FriendCategory, ListCategoriesRequest,
    RenameCategoryRequest,
};
use anser_types::{Code, FriendCategoryId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::extract::{Call, IdempotencyKey, Json, Path},
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::GET, "/v1/friend-categories", "list_friend_categories", list)
            .rate(Rate::Read)
            .about("Your categories of friends, all of them")
            .answers::<FriendCategories>(200, "The categories, oldest first"),
        route(Method::POST, "/v1/friend-categories", "create_friend_category", create)
            .rate(Rate::Write)
            .about("Make a category of friends")
            .details("`PATCH /v1/friends/{user_id}` puts friends into it.")
            .keyed()
            .takes::<CategoryName>()
            .answers::<FriendCategory>(201, "The new category")
            .refuses(&[Code::AlreadyExists, Code::LimitExceeded]),
        route(Method::PATCH, "/v1/friend-categories/{category_id}", "rename_friend_category", rename)
            .rate(Rate::Write)
            .about("Give a category of friends another name")
            .keyed()
            .takes::<CategoryName>()
            .answers::<FriendCategory>(200, "The category as it is now")
            .refuses(&[Code::AlreadyExists]),
        route(Method::DELETE, "/v1/friend-categories/{category_id}", "delete_friend_category", delete)
            .rate(Rate::Write)
            .about("Delete a category of friends")
            .details("Its friends stay your friends and are in no category.")
            .keyed()
            .answers_other(204, None, "It is gone"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("friends")).collect()
}

/// What a category is called.
#[derive(Deserialize, ToSchema)]
struct CategoryName {
    /// 1 to 64 bytes; no other category of yours has it.
    name: String,
}

async fn list(State(gateway): State<Arc<Gateway>>, Call(ctx): Call) -> Answer<axum::Json<FriendCategories>> {
    Ok(axum::Json(gateway.services.contacts.list_categories(&ctx, ListCategoriesRequest {}).await?))
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(CategoryName { name }): Json<CategoryName>,
) -> Answer<(StatusCode, axum::Json<FriendCategory>)> {
    let request = CreateCategoryRequest { name, idempotency_key };
    let made = gateway.services.contacts.create_category(&ctx, request).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

async fn rename(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(category): Path<FriendCategoryId>,
    Json(CategoryName { name }): Json<CategoryName>,
) -> Answer<axum::Json<FriendCategory>> {
    let request = RenameCategoryRequest { category_id: category.to_vec(), name, idempotency_key };
    Ok(axum::Json(gateway.services.contacts.rename_category(&ctx, request).await?))
}

async fn delete(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(category): Path<FriendCategoryId>,
) -> Answer<StatusCode> {
    let request = DeleteCategoryRequest { category_id: category.to_vec(), idempotency_key };
    gateway.services.contacts.delete_category(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
