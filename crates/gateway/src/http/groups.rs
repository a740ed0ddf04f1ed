//! What owner and admins do to a group as a whole: `/v1/conversations/{conversation_id}` and its verbs.

use std::sync::Arc;

use anser_contract::{
    json,
    v1::{
        ChangeGroupRequest, DismissGroupRequest, HistoryFor, Inviters, MuteReply, MuteRequest, TransferOwnershipRequest,
    },
};
use anser_types::{Code, ConversationId, UserId};
use axum::extract::State;
use http::Method;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path},
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
        route(Method::PATCH, "/v1/conversations/{conversation_id}", "change_group", change)
            .rate(Rate::Write)
            .about("Change a group's title, picture, announcement and rules")
            .details("What is not named stays. Owner and admins may.")
            .keyed()
            .takes::<Changes>()
            .answers::<ConversationView>(200, "The group as it now is")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(Method::POST, "/v1/conversations/{conversation_id}:transfer", "transfer_ownership", transfer)
            .rate(Rate::Write)
            .about("Hand a group to another member")
            .details("You stay, as an admin.")
            .keyed()
            .takes::<Heir>()
            .answers::<ConversationView>(200, "The group as it now is")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(Method::POST, "/v1/conversations/{conversation_id}:dismiss", "dismiss_group", dismiss)
            .rate(Rate::Write)
            .about("Close a group for good")
            .details("Nobody sends there any more; everybody still reads what they could. The owner may.")
            .keyed()
            .answers::<ConversationView>(200, "The group as it now is")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(Method::POST, "/v1/conversations/{conversation_id}:mute", "mute_all", mute_all)
            .rate(Rate::Write)
            .about("Let only owner and admins send for a while")
            .keyed()
            .takes::<ForAWhile>()
            .answers::<MuteReply>(200, "Until when; 0: all may send again")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
        route(Method::POST, "/v1/conversations/{conversation_id}/members/{user_id}:mute", "mute_member", mute_member)
            .rate(Rate::Write)
            .about("Keep a plain member from sending for a while")
            .keyed()
            .takes::<ForAWhile>()
            .answers::<MuteReply>(200, "Until when; 0: they may send again")
            .refuses(&[Code::Forbidden, Code::ConversationClosed]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("groups")).collect()
}

/// What is to be another; what is missing stays.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
struct Changes {
    /// The group's name.
    title: Option<String>,
    /// The group's picture.
    avatar: Option<String>,
    /// The group's announcement; empty takes it down.
    announcement: Option<String>,
    /// Whether who comes by a link, or is asked in by a plain member, needs an admin's consent.
    approval: Option<bool>,
    /// Who may invite: `members` or `admins`.
    #[serde(deserialize_with = "json::word::deserialize::<Inviters, _>")]
    #[schema(value_type = Inviters)]
    inviters: i32,
    /// What new members may read: from their `joining` on, or `all`.
    #[serde(deserialize_with = "json::word::deserialize::<HistoryFor, _>")]
    #[schema(value_type = HistoryFor)]
    history: i32,
}

async fn change(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
    Json(changes): Json<Changes>,
) -> Answer<axum::Json<ConversationView>> {
    let Changes { title, avatar, announcement, approval, inviters, history } = changes;
    let conversation_id = id.to_vec();
    let request = ChangeGroupRequest {
        conversation_id,
        title,
        avatar,
        announcement,
        approval,
        inviters,
        history,
        idempotency_key,
    };
    let changed = gateway.services.conversations.change_group(&ctx, request).await?;
    Ok(axum::Json(profiles::conversation(&gateway, &ctx, changed).await?))
}

/// Who is to own the group.
#[derive(Deserialize, ToSchema)]
struct Heir {
    #[schema(value_type = String)]
    user_id: UserId,
}

async fn transfer(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
    Json(Heir { user_id }): Json<Heir>,
) -> Answer<axum::Json<ConversationView>> {
    let request = TransferOwnershipRequest { conversation_id: id.to_vec(), user_id: user_id.to_vec(), idempotency_key };
    let changed = gateway.services.conversations.transfer_ownership(&ctx, request).await?;
    Ok(axum::Json(profiles::conversation(&gateway, &ctx, changed).await?))
}

async fn dismiss(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
) -> Answer<axum::Json<ConversationView>> {
    let request = DismissGroupRequest { conversation_id: id.to_vec(), idempotency_key };
    let closed = gateway.services.conversations.dismiss_group(&ctx, request).await?;
    Ok(axum::Json(profiles::conversation(&gateway, &ctx, closed).await?))
}

/// For how long.
#[derive(Deserialize, ToSchema)]
struct ForAWhile {
    /// Milliseconds from now; 0: not any more; more than a year: until further notice.
    for_ms: i64,
}

async fn mute_all(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
    Json(ForAWhile { for_ms }): Json<ForAWhile>,
) -> Answer<axum::Json<MuteReply>> {
    let request = MuteRequest { conversation_id: id.to_vec(), user_id: Vec::new(), for_ms, idempotency_key };
    Ok(axum::Json(gateway.services.conversations.mute(&ctx, request).await?))
}

async fn mute_member(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, user)): Path<(ConversationId, UserId)>,
    Json(ForAWhile { for_ms }): Json<ForAWhile>,
) -> Answer<axum::Json<MuteReply>> {
    let request = MuteRequest { conversation_id: id.to_vec(), user_id: user.to_vec(), for_ms, idempotency_key };
    Ok(axum::Json(gateway.services.conversations.mute(&ctx, request).await?))
}
