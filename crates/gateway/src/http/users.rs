//! `/v1/users`: register, oneself, others.

use std::sync::Arc;

use anser_contract::Context;
use anser_contract::v1::{ChangePasswordRequest, CloseAccountRequest};
use anser_contract::v1::{FindPersonRequest, GetMeRequest, GetPrivacyRequest, GetUsersRequest, OwnProfile, Privacy};
use anser_contract::v1::{PublicProfile, UpdatePrivacyRequest, UpdateProfileRequest};
use anser_contract::v1::{RegisterReply, RegisterRequest};
use anser_types::{Code, Error, UserId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::extract::{Call, IdempotencyKey, Json, NoIdempotencyKey, Path, Query},
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/users", "register", register)
            .class(Class::Public)
            .rate(Rate::Own)
            .about("Make an account")
            .details("Answers the new person's id only; log in afterwards. A taken name is `already_exists`.")
            .keyed()
            .takes::<Registration>()
            .answers::<RegisterReply>(201, "The new person's id")
            .refuses(&[Code::AlreadyExists, Code::StorageFull]),
        route(Method::GET, "/v1/users/me", "get_me", get_me)
            .class(Class::User)
            .rate(Rate::Read)
            .about("Your own profile")
            .answers::<OwnProfile>(200, "Your own profile"),
        route(Method::PATCH, "/v1/users/me", "update_me", update_me)
            .rate(Rate::Write)
            .class(Class::User)
            .about("Change what others see of you")
            .details("Your friends are told at once, or find it by `sync/me`. What is left out stays as it is.")
            .keyed()
            .takes::<ProfileChanges>()
            .answers::<OwnProfile>(200, "Your profile as it is now"),
        route(Method::PUT, "/v1/users/me/password", "change_password", change_password)
            .rate(Rate::Session)
            .class(Class::User)
            .about("Change your password")
            .details(
                "Every other session of yours ends; this one stays. Tries are limited like logins. It takes no \
                 `Idempotency-Key`: of secrets nothing is kept. Who has no password yet sets the first one by a code sent to \
                 their phone.",
            )
            .takes::<NewPassword>()
            .answers_other(204, None, "The new password counts")
            .refuses(&[Code::Forbidden, Code::RateLimited]),
        route(Method::DELETE, "/v1/users/me", "close_account", close_account)
            .rate(Rate::Session)
            .class(Class::User)
            .about("Close your account")
            .details(
                "All your sessions end. Profile, friends, blocks and settings are erased within seconds, your groups pass to \
                 their oldest admin or member, and you leave them. What you said stays, said by a closed account. The \
                 user name stays taken, the phone number is free. There is no way back. Who has no password sets one first, \
                 by a code sent to their phone.",
            )
            .takes::<Confirmation>()
            .answers_other(204, None, "The account is closed")
            .refuses(&[Code::Forbidden, Code::RateLimited]),
        route(Method::GET, "/v1/users/me/privacy", "get_privacy", get_privacy)
            .rate(Rate::Read)
            .class(Class::User)
            .about("Who may do what about you")
            .answers::<Privacy>(200, "Your settings"),
        route(Method::PATCH, "/v1/users/me/privacy", "update_privacy", update_privacy)
            .rate(Rate::Write)
            .class(Class::User)
            .about("Change who may do what about you")
            .details(
                "`find_me` and `request_me` are `everyone` or `nobody`, `presence` is `friends` or `nobody`. What is left \
                 out stays as it is. Friends always find each other.",
            )
            .keyed()
            .takes::<Privacy>()
            .answers::<Privacy>(200, "Your settings as they are now"),
        route(Method::GET, "/v1/users/{user_id}", "get_user", get_user)
            .class(Class::User)
            .rate(Rate::Read)
            .about("Somebody's public profile")
            .answers::<PublicProfile>(200, "The profile"),
        route(Method::GET, "/v1/users:lookup", "look_up_user", look_up)
            .class(Class::User)
            .rate(Rate::Search)
            .about("Find the person with exactly this user name or phone number")
            .details(
                "Somebody who lets nobody find them is `not_found`, except to their friends. Numbers are shown to nobody, \
                 and can be looked up ten times a minute.",
            )
            .query::<Lookup>()
            .answers::<PublicProfile>(200, "The profile")
            .refuses(&[Code::NotFound, Code::RateLimited]),
    ];
    rows.into_iter().map(|row| row.tag("users")).collect()
}

/// A new account.
#[derive(Deserialize, ToSchema)]
struct Registration {
    /// The login name: 1 to 64 bytes, unique after normalisation and case folding.
    username: String,
    /// 6 to 128 bytes.
    password: String,
    /// What others see; the user name where it is missing.
    #[serde(default)]
    nickname: String,
}

async fn register(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(Registration { username, password, nickname }): Json<Registration>,
) -> Answer<(StatusCode, axum::Json<RegisterReply>)> {
    let request = RegisterRequest { username, password, nickname, idempotency_key };
    let reply = gateway.services.auth.register(&ctx, request).await?;
    Ok((StatusCode::CREATED, axum::Json(reply)))
}

async fn get_me(State(gateway): State<Arc<Gateway>>, Call(ctx): Call) -> Answer<axum::Json<OwnProfile>> {
    Ok(axum::Json(gateway.services.users.get_me(&ctx, GetMeRequest {}).await?))
}

/// What to change.
#[derive(Deserialize, ToSchema)]
struct ProfileChanges {
    /// What others see: 1 to 64 bytes.
    nickname: Option<String>,
    /// A line about oneself: at most 256 bytes; empty: none.
    signature: Option<String>,
}

async fn update_me(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(ProfileChanges { nickname, signature }): Json<ProfileChanges>,
) -> Answer<axum::Json<OwnProfile>> {
    let request = UpdateProfileRequest { nickname, signature, idempotency_key, avatar: None };
    Ok(axum::Json(gateway.services.users.update_profile(&ctx, request).await?))
}

/// The password, old and new.
#[derive(Deserialize, ToSchema)]
struct NewPassword {
    /// The one that counts now.
    old_password: String,
    /// 6 to 128 bytes.
    new_password: String,
}

async fn change_password(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(NewPassword { old_password, new_password }): Json<NewPassword>,
) -> Answer<StatusCode> {
    let request = ChangePasswordRequest { old_password, new_password };
    gateway.services.auth.change_password(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// That it is really you.
#[derive(Deserialize, ToSchema)]
struct Confirmation {
    /// Your password.
    password: String,
}

async fn close_account(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Confirmation { password }): Json<Confirmation>,
) -> Answer<StatusCode> {
    gateway.services.auth.close_account(&ctx, CloseAccountRequest { password }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn get_privacy(State(gateway): State<Arc<Gateway>>, Call(ctx): Call) -> Answer<axum::Json<Privacy>> {
    Ok(axum::Json(gateway.services.users.get_privacy(&ctx, GetPrivacyRequest::default()).await?))
}

async fn update_privacy(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(privacy): Json<Privacy>,
) -> Answer<axum::Json<Privacy>> {
    let request = UpdatePrivacyRequest { privacy: Some(privacy), idempotency_key };
    Ok(axum::Json(gateway.services.users.update_privacy(&ctx, request).await?))
}

async fn get_user(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(user): Path<UserId>,
) -> Answer<axum::Json<PublicProfile>> {
    Ok(axum::Json(profile(&gateway, &ctx, user.to_vec()).await?))
}

/// Whom to look for.
#[derive(Deserialize, IntoParams)]
struct Lookup {
    /// The exact user name; case and compatibility forms do not count.
    username: Option<String>,
    /// Or the exact phone number, with the country in front.
    phone: Option<String>,
}

async fn look_up(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(Lookup { username, phone }): Query<Lookup>,
) -> Answer<axum::Json<PublicProfile>> {
    let request = match (username, phone) {
        (Some(username), None) => FindPersonRequest { username, ..FindPersonRequest::default() },
        (None, Some(phone)) => FindPersonRequest { phone: with_its_plus(phone), ..FindPersonRequest::default() },
        _ => return Err(Error::field("username", "a user name or a phone number, one of the two").into()),
    };
    let found = gateway.services.contacts.find_person(&ctx, request).await?;
    Ok(axum::Json(profile(&gateway, &ctx, found.user_id).await?))
}

/// In a query string a plus that was not escaped is a space.
fn with_its_plus(phone: String) -> String {
    phone.strip_prefix(' ').map_or_else(|| phone.clone(), |rest| format!("+{rest}"))
}

async fn profile(gateway: &Gateway, ctx: &Context, user_id: Vec<u8>) -> Result<PublicProfile, Error> {
    let reply = gateway.services.users.get_users(ctx, GetUsersRequest { user_ids: vec![user_id] }).await?;
    reply.users.into_iter().next().ok_or_else(|| Error::not_found("user"))
}
