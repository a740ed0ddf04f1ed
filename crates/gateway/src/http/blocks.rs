//! `/v1/blocks`: whom one blocks.

use std::sync::Arc;

use anser_contract::v1::{BlockRequest, BlockView, ListBlocksRequest};
use anser_types::{Code, UserId};
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
        route(Method::GET, "/v1/blocks", "list_blocks", list)
            .rate(Rate::Read)
            .about("Whom you block, with their profiles")
            .query::<Paging>()
            .answers::<Page<BlockView>>(200, "A page of blocks"),
        route(Method::PUT, "/v1/blocks/{user_id}", "block_user", block)
            .rate(Rate::Write)
            .about("Block somebody, friend or stranger")
            .details(
                "While it lasts, neither of you may send to the other or ask for friendship. The other person is told \
                 nothing. Friendship and history stay.",
            )
            .keyed()
            .answers::<BlockView>(200, "The block")
            .refuses(&[Code::NotFound, Code::LimitExceeded]),
        route(Method::DELETE, "/v1/blocks/{user_id}", "unblock_user", unblock)
            .rate(Rate::Write)
            .about("Block somebody no longer")
            .details("What you were to each other before holds again.")
            .keyed()
            .answers_other(204, None, "They are not blocked any more"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("friends")).collect()
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<BlockView>>> {
    let request = ListBlocksRequest { limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.contacts.list_blocks(&ctx, request).await?;
    let items = profiles::blocks(&gateway, &ctx, reply.items).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

async fn block(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(user): Path<UserId>,
) -> Answer<axum::Json<BlockView>> {
    let request = BlockRequest { user_id: user.to_vec(), idempotency_key };
    let block = gateway.services.contacts.block(&ctx, request).await?;
    Ok(axum::Json(profiles::block(&gateway, &ctx, block).await?))
}

async fn unblock(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(user): Path<UserId>,
) -> Answer<StatusCode> {
    let request = BlockRequest { user_id: user.to_vec(), idempotency_key };
    gateway.services.contacts.unblock(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
