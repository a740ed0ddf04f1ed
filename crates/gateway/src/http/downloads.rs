//! `/v1/downloads/{token}`: a file for whoever has its signed address. What the address stands for is looked at now: the session must
//! live, and its person must still be somebody who may read the file.

use std::sync::Arc;

use anser_contract::{Actor, Context, v1::RedeemDownloadRequest};
use anser_types::{Code, FileId, SessionId, UserId};
use axum::{extract::State, response::Response};
use http::{HeaderMap, Method};

use crate::{
    http::{
        extract::{Call, Path, Query},
        file_content::{self, Shown},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The row of this resource.
pub fn routes() -> Vec<Route> {
    let row = route(Method::GET, "/v1/downloads/{token}", "download_by_token", download)
        .class(Class::Public)
        .rate(Rate::Public)
        .tag("files")
        .about("Download a file from its signed address")
        .details("The address says who is meant and until when. It ends with the session in which it was made.")
        .streams(&[], "")
        .query::<Shown>()
        .answers_other(200, Some("application/octet-stream"), "The bytes, under their own media type")
        .answers_other(206, Some("application/octet-stream"), "The range that was asked for")
        .answers_other(304, None, "What you have is still it")
        .answers_other(416, None, "There is nothing in that range")
        .refuses(&[Code::Unauthenticated, Code::Gone, Code::FileStoreUnavailable]);
    vec![row]
}

async fn download(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(token): Path<String>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Answer<Response> {
    let redeemed = gateway.services.files.redeem_download(&ctx, RedeemDownloadRequest { token }).await?;
    let variant = redeemed.variant();
    let session = SessionId::try_from(&redeemed.session_id[..])?;
    gateway.identities.require_living(session)?;
    let user = UserId::try_from(&redeemed.user_id[..])?;
    let ctx = Context { actor: Actor::User(user, session), ..ctx };
    file_content::give(gateway, ctx, FileId::try_from(&redeemed.file_id[..])?, variant, shown, &headers).await
}
