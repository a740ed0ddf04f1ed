//! `/v1/invitations`: groups that somebody wants one in.

use std::sync::Arc;

use anser_contract::v1::{AnswerInvitationRequest, ListInvitationsRequest};
use anser_types::{Code, ConversationId};
use axum::extract::State;
use http::{Method, StatusCode};

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Path, Query},
        paging::{Page, Paging},
        profiles::{self, ConversationView, InvitationView},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::GET, "/v1/invitations", "list_invitations", list)
            .rate(Rate::Read)
            .about("Invitations into groups that wait for your answer")
            .query::<Paging>()
            .answers::<Page<InvitationView>>(200, "A page of invitations"),
        route(Method::POST, "/v1/invitations/{conversation_id}:accept", "accept_invitation", accept)
            .rate(Rate::Write)
            .about("Come into the group")
            .keyed()
            .answers::<ConversationView>(200, "The group")
            .refuses(&[Code::ConversationClosed, Code::LimitExceeded]),
        route(Method::POST, "/v1/invitations/{conversation_id}:decline", "decline_invitation", decline)
            .rate(Rate::Write)
            .about("Stay out")
            .keyed()
            .answers_other(204, None, "The invitation is gone"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("members")).collect()
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<InvitationView>>> {
    let request = ListInvitationsRequest { limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.conversations.list_invitations(&ctx, request).await?;
    let items = profiles::invitations(&gateway, &ctx, reply.items).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

async fn accept(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
) -> Answer<axum::Json<ConversationView>> {
    let request = AnswerInvitationRequest { conversation_id: id.to_vec(), idempotency_key };
    let joined = gateway.services.conversations.accept_invitation(&ctx, request).await?;
    Ok(axum::Json(profiles::conversation(&gateway, &ctx, joined).await?))
}

async fn decline(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
) -> Answer<StatusCode> {
    let request = AnswerInvitationRequest { conversation_id: id.to_vec(), idempotency_key };
    gateway.services.conversations.decline_invitation(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
