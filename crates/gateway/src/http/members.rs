//! `/v1/conversations/{conversation_id}/members`: who is in a group, who comes, who goes, who is what.

use std::sync::Arc;

use anser_contract::json;
use anser_contract::v1::{
    ChangeRoleRequest, InviteReply, InviteRequest, ListMembersRequest, RemoveMemberRequest, Role,
    SetMemberNicknameRequest,
};
use anser_types::{Code, ConversationId, UserId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
        paging::{Page, Paging},
        presence,
        profiles::{self, MemberView},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::GET, "/v1/conversations/{conversation_id}/members", "list_members", list)
            .rate(Rate::Read)
            .about("Who is in a conversation, with their profiles")
            .details("Of your friends among them also whether they are online, where they let it be seen.")
            .query::<Paging>()
            .answers::<Page<MemberView>>(200, "A page of members")
            .refuses(&[Code::Forbidden]),
        route(Method::POST, "/v1/conversations/{conversation_id}/members", "invite_members", invite)
            .rate(Rate::Write)
            .about("Bring people into a group")
            .details("At most 500 in a call. Friends of yours come in at once; others get an invitation.")
            .keyed()
            .takes::<Guests>()
            .answers::<InviteReply>(200, "What became of each")
            .refuses(&[Code::Forbidden, Code::LimitExceeded, Code::ConversationClosed, Code::StorageFull]),
        route(Method::DELETE, "/v1/conversations/{conversation_id}/members/{user_id}", "remove_member", remove)
            .rate(Rate::Write)
            .about("Remove somebody from a group")
            .details("Owner and admins remove members; only the owner removes admins.")
            .keyed()
            .answers_other(204, None, "They are no longer a member")
            .refuses(&[Code::Forbidden]),
        route(Method::PATCH, "/v1/conversations/{conversation_id}/members/{user_id}", "change_role", change_role)
            .rate(Rate::Write)
            .about("Make a member an admin, or an admin a member")
            .keyed()
            .takes::<NewRole>()
            .answers::<MemberView>(200, "The member as they now are")
            .refuses(&[Code::Forbidden]),
        route(
            Method::PUT,
            "/v1/conversations/{conversation_id}/members/{user_id}/nickname",
            "set_member_nickname",
            set_nickname,
        )
        .rate(Rate::Write)
        .about("Name a member within a group: yourself, or as an admin a plain member")
        .keyed()
        .takes::<NewName>()
        .answers::<MemberView>(200, "The member as they now are")
        .refuses(&[Code::Forbidden, Code::ConversationClosed]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("members")).collect()
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<ConversationId>,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<MemberView>>> {
    let request = ListMembersRequest { conversation_id: id.to_vec(), limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.conversations.list_members(&ctx, request).await?;
    let members = presence::of_members(&gateway, &ctx, reply.items).await;
    let items = profiles::members(&gateway, &ctx, members).await?;
    Ok(axum::Json(Page { items, next_cursor: reply.next_cursor }))
}

/// Who is to come in.
#[derive(Deserialize, ToSchema)]
struct Guests {
    #[schema(value_type = Vec<String>)]
    user_ids: Vec<UserId>,
}

async fn invite(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<ConversationId>,
    Json(Guests { user_ids }): Json<Guests>,
) -> Answer<axum::Json<InviteReply>> {
    let user_ids = user_ids.into_iter().map(UserId::to_vec).collect();
    let request = InviteRequest { conversation_id: id.to_vec(), user_ids, idempotency_key };
    Ok(axum::Json(gateway.services.conversations.invite(&ctx, request).await?))
}

async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, user)): Path<(ConversationId, UserId)>,
) -> Answer<StatusCode> {
    let request = RemoveMemberRequest { conversation_id: id.to_vec(), user_id: user.to_vec(), idempotency_key };
    gateway.services.conversations.remove_member(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a member becomes.
#[derive(Deserialize, ToSchema)]
struct NewRole {
    /// `member` or `admin`.
    #[serde(deserialize_with = "json::word::deserialize::<Role, _>")]
    #[schema(value_type = Role)]
    role: i32,
}

async fn change_role(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, user)): Path<(ConversationId, UserId)>,
    Json(NewRole { role }): Json<NewRole>,
) -> Answer<axum::Json<MemberView>> {
    let request = ChangeRoleRequest { conversation_id: id.to_vec(), user_id: user.to_vec(), role, idempotency_key };
    let member = gateway.services.conversations.change_role(&ctx, request).await?;
    let mut views = profiles::members(&gateway, &ctx, vec![member]).await?;
    Ok(axum::Json(views.remove(0)))
}

/// A name within a group.
#[derive(Deserialize, ToSchema)]
struct NewName {
    /// At most 64 bytes; empty takes the name back.
    nickname: String,
}

async fn set_nickname(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path((id, user)): Path<(ConversationId, UserId)>,
    Json(NewName { nickname }): Json<NewName>,
) -> Answer<axum::Json<MemberView>> {
    let (conversation_id, user_id) = (id.to_vec(), user.to_vec());
    let request = SetMemberNicknameRequest { conversation_id, user_id, nickname, idempotency_key };
    let member = gateway.services.conversations.set_member_nickname(&ctx, request).await?;
    let mut views = profiles::members(&gateway, &ctx, vec![member]).await?;
    Ok(axum::Json(views.remove(0)))
}
