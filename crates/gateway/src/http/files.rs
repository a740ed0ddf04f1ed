//! `/v1/files`: send a file with one request, learn what is known of it, and how much one has.

use std::sync::Arc;

use anser_contract::v1::{File, FileUsage, FileVariant, GetUsageRequest, MintDownloadRequest};
use anser_types::{Code, FileId};
use axum::extract::{Request, State};
use http::{HeaderMap, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Path, Query},
        intake::Incoming,
        transfer::{self, AtOnce},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/files", "upload_file", upload)
            .rate(Rate::Write)
            .about("Send a file with one request")
            .details(
                "The body is the file. What it is, is found in its bytes; whatever `Content-Type` says does not count. It \
                 is yours until a message names it, and goes after a day if none does. Larger files go by `/v1/uploads`.",
            )
            .keyed()
            .query::<Named>()
            .streams(&["application/octet-stream"], "The file's bytes")
            .answers::<File>(201, "The file, complete and on stable storage")
            .refuses(&[Code::Gone, Code::Unsupported]),
        route(Method::GET, "/v1/files/{file_id}", "get_file", get_file)
            .rate(Rate::Read)
            .about("What is known of a file")
            .answers::<File>(200, "The file"),
        route(Method::POST, "/v1/files/{file_id}:sign", "sign_download", sign)
            .rate(Rate::Read)
            .about("An address from which this file can be had for a short time")
            .details(
                "For players and pages that cannot send a token. Whoever has the address stands for you in this one \
                 download, until its time is over or your session ends.",
            )
            .query::<Which>()
            .answers::<SignedUrl>(200, "The address, relative to the server"),
        route(Method::GET, "/v1/files:usage", "get_file_usage", usage)
            .rate(Rate::Read)
            .about("How much you have, and may have")
            .answers::<FileUsage>(200, "Your files in numbers"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("files")).collect()
}

/// What the file is called, and what it must be.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
struct Named {
    /// For people; at most 255 bytes. What steers terminals is left out, and `/` becomes `_`.
    name: String,
    /// The SHA-256 of the bytes in hexadecimal: others are refused.
    sha256: String,
}

/// How large the body says that it is; -1: it does not say.
pub(super) fn announced(headers: &HeaderMap) -> i64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or(-1)
}

async fn upload(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(key): IdempotencyKey,
    Query(Named { name, sha256 }): Query<Named>,
    request: Request,
) -> Answer<(StatusCode, axum::Json<File>)> {
    let asked = AtOnce { name, size: announced(request.headers()), sha256, key };
    let file = from_body(&gateway, &ctx, asked, request).await?;
    Ok((StatusCode::CREATED, axum::Json(file)))
}

/// Makes a file of a request's body.
pub(super) async fn from_body(
    gateway: &Arc<Gateway>,
    ctx: &anser_contract::Context,
    asked: AtOnce,
    request: Request,
) -> Answer<File> {
    let mut body = Incoming::of(request, &gateway.options.intake);
    let outcome = match gateway.transfers.begin(ctx.user()?) {
        Ok(_place) => transfer::upload_at_once(gateway, ctx, asked, &mut body).await,
        Err(error) => Err(error.into()),
    };
    body.discard().await;
    outcome
}

async fn get_file(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<FileId>,
) -> Answer<axum::Json<File>> {
    Ok(axum::Json(transfer::one_readable(&gateway, &ctx, id.to_vec()).await?))
}

async fn usage(State(gateway): State<Arc<Gateway>>, Call(ctx): Call) -> Answer<axum::Json<FileUsage>> {
    Ok(axum::Json(gateway.services.files.get_usage(&ctx, GetUsageRequest {}).await?))
}

/// Which of what there is of a file.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
struct Which {
    /// `original` where it is missing, `thumbnail` or `small`.
    #[param(inline)]
    variant: Variant,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Variant {
    #[default]
    Original,
    Thumbnail,
    Small,
}

impl From<Variant> for FileVariant {
    fn from(variant: Variant) -> Self {
        match variant {
            Variant::Original => FileVariant::Original,
            Variant::Thumbnail => FileVariant::Thumbnail,
            Variant::Small => FileVariant::Small,
        }
    }
}

/// Where a file can be had for a short time.
#[derive(Serialize, ToSchema)]
struct SignedUrl {
    /// Relative to the server.
    url: String,
    /// Until when, in Unix milliseconds.
    expires_at: i64,
}

async fn sign(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<FileId>,
    Query(Which { variant }): Query<Which>,
) -> Answer<axum::Json<SignedUrl>> {
    let file = transfer::one_readable(&gateway, &ctx, id.to_vec()).await?;
    let variant = FileVariant::from(variant);
    let request = MintDownloadRequest { file_id: file.file_id, variant: variant.into() };
    let minted = gateway.services.files.mint_download(&ctx, request).await?;
    Ok(axum::Json(SignedUrl { url: format!("/v1/downloads/{}", minted.token), expires_at: minted.expires_at }))
}
