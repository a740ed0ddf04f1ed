//! `/v1/presence`: which friends are online, for who looks once. Who wants to be told watches over the WebSocket.

use std::{collections::HashMap, sync::Arc};

use anser_contract::{
    Context,
    v1::{GetPresenceReply, GetPresenceRequest, Member, Presence},
};
use anser_types::{Error, Result, UserId};
use axum::extract::State;
use http::Method;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::extract::{Call, Query},
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [route(Method::GET, "/v1/presence", "get_presence", get)
        .rate(Rate::Read)
        .about("Which friends are online, and when they last were")
        .details(
            "Who is no friend of yours, blocks you, is blocked by you or lets nobody see it is left out, like somebody who \
             does not exist. To be told of changes, watch over the WebSocket.",
        )
        .query::<Whom>()
        .answers::<GetPresenceReply>(200, "Those whom you may see, in any order")];
    rows.into_iter().map(|row| row.class(Class::User).tag("friends")).collect()
}

/// About whom.
#[derive(Deserialize, IntoParams)]
struct Whom {
    /// Their ids, with commas between them; at most 200.
    user_ids: String,
}

async fn get(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(Whom { user_ids }): Query<Whom>,
) -> Answer<axum::Json<GetPresenceReply>> {
    let ids = user_ids.split(',').filter(|id| !id.is_empty()).map(|id| Ok(id.parse::<UserId>()?.to_vec()));
    let user_ids = ids.collect::<Result<_>>().map_err(|_| Error::field("user_ids", "ids with commas between them"))?;
    Ok(axum::Json(gateway.services.contacts.get_presence(&ctx, GetPresenceRequest { user_ids }).await?))
}

/// Members with the presence of the caller's friends among them. Where it cannot be had, the list comes without it.
pub async fn of_members(gateway: &Gateway, ctx: &Context, mut members: Vec<Member>) -> Vec<Member> {
    let user_ids = members.iter().map(|member| member.user_id.clone()).collect();
    let found = gateway.services.contacts.get_presence(ctx, GetPresenceRequest { user_ids }).await;
    let found = found.unwrap_or_else(|error| {
        tracing::debug!(%error, "members are listed without presence");
        GetPresenceReply::default()
    });
    let mut presences: HashMap<Vec<u8>, Presence> =
        found.items.into_iter().map(|presence| (presence.user_id.clone(), presence)).collect();
    members.iter_mut().for_each(|member| member.presence = presences.remove(&member.user_id));
    members
}
