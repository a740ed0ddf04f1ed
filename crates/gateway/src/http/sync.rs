//! `/v1/sync`: what a device that was away calls until it has everything.
//!
//! heads (which conversations moved) → conversation(s) (their entries) and me (profile, friends, requests).

use std::sync::Arc;

use anser_contract::v1::{
    HeadsPage, HeadsRequest, MePage, SyncConversations, SyncFrom, SyncManyRequest, SyncMe, SyncPage, SyncPages,
};
use anser_types::{Code, ConversationId, Error};
use axum::extract::State;
use http::Method;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::extract::{Call, Json, Query},
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
    sync_me::sync_me,
};

/// What one call may name.
const MOST_CONVERSATIONS: usize = 100;
/// What the entries of one call may weigh together.
const MOST_BYTES: u32 = 1 << 20;

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::GET, "/v1/sync/heads", "sync_heads", heads)
            .rate(Rate::Read)
            .about("Which conversations moved since a token")
            .details(
                "Without a token: all, newest first. While `has_more`, call again with `next_token`; keep the last one for \
                 the next time. It may name too much, never too little.",
            )
            .query::<HeadsSince>()
            .answers::<HeadsPage>(200, "The heads that moved")
            .refuses(&[Code::SyncRequired]),
        route(Method::GET, "/v1/sync/conversation", "sync_conversation", conversation)
            .rate(Rate::Read)
            .about("The entries of one conversation after a seq")
            .details(
                "All entries in order, notices included. Entries that you may not see are named in `hidden`. While \
                 `has_more`, call again with `next_seq` as `after_seq`.",
            )
            .query::<EntriesAfter>()
            .answers::<SyncPage>(200, "A page of the log")
            .refuses(&[Code::NotFound]),
        route(Method::POST, "/v1/sync/conversations", "sync_conversations", conversations)
            .rate(Rate::Read)
            .about("The same for up to 100 conversations at once")
            .details("Reads only. Each conversation has an outcome of its own; one that fails fails no other.")
            .takes::<SyncConversations>()
            .answers::<SyncPages>(200, "A page, or an error, for each conversation"),
        route(Method::GET, "/v1/sync/me", "sync_me", me)
            .rate(Rate::Read)
            .about("What changed about you since a token: profile, friends, requests, settings")
            .query::<MeSince>()
            .answers::<MePage>(200, "What is new, changed and gone")
            .refuses(&[Code::SyncRequired]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("sync")).collect()
}

/// Since when.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
struct HeadsSince {
    /// `next_token` of an earlier answer; missing or empty for all.
    token: String,
    /// How many items at most; the server's own measure where it is missing.
    limit: u32,
}

async fn heads(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(HeadsSince { token, limit }): Query<HeadsSince>,
) -> Answer<axum::Json<HeadsPage>> {
    let reply = gateway.services.messages.heads(&ctx, HeadsRequest { token, limit }).await?;
    Ok(axum::Json(HeadsPage { items: reply.items, next_token: reply.next_token, has_more: reply.has_more }))
}

/// After which entry of which conversation.
#[derive(Deserialize, IntoParams)]
struct EntriesAfter {
    #[param(value_type = String)]
    conversation_id: ConversationId,
    /// The last seq that the device has; 0 where it is missing.
    #[serde(default)]
    after_seq: i64,
    /// How many entries at most; 256 where it is missing.
    #[serde(default)]
    limit: u32,
}

async fn conversation(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(wanted): Query<EntriesAfter>,
) -> Answer<axum::Json<SyncPage>> {
    let item = SyncFrom { conversation_id: wanted.conversation_id.to_vec(), after_seq: wanted.after_seq };
    gateway.receipts.note_sync(ctx.user()?, ctx.session()?, std::slice::from_ref(&item));
    let request =
        SyncManyRequest { items: vec![item], limit: wanted.limit, max_bytes: gateway.options.limits.sync_bytes };
    let reply = gateway.services.messages.sync_many(&ctx, request).await?;
    let result = reply.items.into_iter().next().ok_or_else(|| Error::internal("a sync without an outcome"))?;
    match (result.page, result.error) {
        (Some(page), _) => Ok(axum::Json(page)),
        (None, Some(problem)) => Err(Error::from(problem).into()),
        (None, None) => Err(Error::internal("an outcome that says nothing").into()),
    }
}

async fn conversations(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Json(SyncConversations { items }): Json<SyncConversations>,
) -> Answer<axum::Json<SyncPages>> {
    if items.len() > MOST_CONVERSATIONS {
        return Err(Error::field("items", format!("at most {MOST_CONVERSATIONS} conversations in a call")).into());
    }
    gateway.receipts.note_sync(ctx.user()?, ctx.session()?, &items);
    let request = SyncManyRequest { items, limit: 0, max_bytes: MOST_BYTES };
    let reply = gateway.services.messages.sync_many(&ctx, request).await?;
    Ok(axum::Json(SyncPages { items: reply.items }))
}

/// Since when.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
struct MeSince {
    /// `next_token` of an earlier answer; missing or empty for everything.
    token: String,
}

async fn me(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(MeSince { token }): Query<MeSince>,
) -> Answer<axum::Json<MePage>> {
    let now = gateway.clock.now();
    Ok(axum::Json(sync_me(&gateway.services, &ctx, now, gateway.hub.store(), SyncMe { token }).await?))
}
