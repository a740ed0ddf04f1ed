//! `/v1/sessions`: log in, stay in, see one's devices, log out. And tickets for WebSockets.
//!
//! These answers are secrets, so none of the calls takes an `Idempotency-Key`.

use std::sync::Arc;

use anser_contract::v1::{
    EndSessionRequest, ListSessionsRequest, LoginRequest, MintTicketReply, MintTicketRequest, RefreshRequest, Session,
    TokenReply,
};
use anser_types::{Code, SessionId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, Json, NoIdempotencyKey, Path},
        paging::Page,
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/sessions", "log_in", log_in)
            .class(Class::Public)
            .rate(Rate::Own)
            .about("Log in")
            .details(
                "A wrong name and a wrong password look alike. The same device logging in again replaces its session.",
            )
            .takes::<Login>()
            .answers::<TokenReply>(201, "The session and its tokens")
            .refuses(&[Code::Unauthenticated]),
        route(Method::GET, "/v1/sessions", "list_sessions", list)
            .class(Class::User)
            .rate(Rate::Read)
            .about("Your sessions, newest first")
            .answers::<Page<Session>>(200, "At most 25, so always one page"),
        route(Method::DELETE, "/v1/sessions/current", "log_out", log_out)
            .class(Class::User)
            .rate(Rate::Write)
            .about("Log out: end the session that asks")
            .answers_other(204, None, "It has ended"),
        route(Method::DELETE, "/v1/sessions/{session_id}", "end_session", end)
            .class(Class::User)
            .rate(Rate::Write)
            .about("End one of your sessions")
            .details("Ending one that has ended already succeeds.")
            .answers_other(204, None, "It has ended"),
        route(Method::POST, "/v1/sessions:refresh", "refresh_session", refresh)
            .class(Class::Public)
            .rate(Rate::Session)
            .about("Exchange a refresh token for new tokens")
            .details(
                "The old one stays good for a moment after its successor's first use; using it later ends the session.",
            )
            .takes::<Refresh>()
            .answers::<TokenReply>(200, "The session's new tokens")
            .refuses(&[Code::Unauthenticated]),
        route(Method::POST, "/v1/ws-tickets", "mint_ws_ticket", mint_ticket)
            .class(Class::User)
            .rate(Rate::Session)
            .about("A ticket for one WebSocket, where a token cannot be sent")
            .details("Good once, for 30 seconds.")
            .answers::<MintTicketReply>(201, "The ticket"),
    ];
    rows.into_iter().map(|row| row.tag("sessions")).collect()
}

/// Who logs in, on which device.
#[derive(Deserialize, ToSchema)]
struct Login {
    username: String,
    password: String,
    /// A UUID that the device made once; where it is missing, one is made for this login.
    #[serde(default)]
    device_id: String,
    /// What the device is called in the list of sessions.
    #[serde(default)]
    device_name: String,
    /// Such as `web`, `ios`, `linux`.
    #[serde(default)]
    platform: String,
}

async fn log_in(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Login { username, password, device_id, device_name, platform }): Json<Login>,
) -> Answer<(StatusCode, axum::Json<TokenReply>)> {
    let request = LoginRequest { username, password, device_id, device_name, platform, ..LoginRequest::default() };
    let reply = gateway.services.auth.login(&ctx, request).await?;
    Ok((StatusCode::CREATED, axum::Json(reply)))
}

async fn list(State(gateway): State<Arc<Gateway>>, Call(ctx): Call) -> Answer<axum::Json<Page<Session>>> {
    let items = gateway.services.auth.list_sessions(&ctx, ListSessionsRequest {}).await?.items;
    Ok(axum::Json(Page { items, next_cursor: String::new() }))
}

async fn log_out(State(gateway): State<Arc<Gateway>>, Call(ctx): Call, _: NoIdempotencyKey) -> Answer<StatusCode> {
    let session_id = ctx.session()?.to_vec();
    gateway.services.auth.end_session(&ctx, EndSessionRequest { session_id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Path(session): Path<SessionId>,
) -> Answer<StatusCode> {
    gateway.services.auth.end_session(&ctx, EndSessionRequest { session_id: session.to_vec() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The token to exchange.
#[derive(Deserialize, ToSchema)]
struct Refresh {
    refresh_token: String,
}

async fn refresh(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Refresh { refresh_token }): Json<Refresh>,
) -> Answer<axum::Json<TokenReply>> {
    Ok(axum::Json(gateway.services.auth.refresh(&ctx, RefreshRequest { refresh_token }).await?))
}

async fn mint_ticket(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
) -> Answer<(StatusCode, axum::Json<MintTicketReply>)> {
    let reply = gateway.services.auth.mint_ticket(&ctx, MintTicketRequest {}).await?;
    Ok((StatusCode::CREATED, axum::Json(reply)))
}
