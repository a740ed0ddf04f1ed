//! `/v1/uploads`: files that come in parts, in any order, over any time, and go on after whatever interrupted them.

use std::sync::Arc;

use anser_contract::v1::{AbortUploadRequest, CreateUploadRequest, File, GetUploadRequest, ListUploadsRequest, Upload};
use anser_types::{Code, UploadId};
use axum::extract::{Request, State};
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, IdempotencyKey, Json, Path, Query},
        intake::Incoming,
        paging::{Page, Paging},
        transfer,
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

const ONE: &str = "/v1/uploads/{upload_id}";

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/uploads", "create_upload", create)
            .rate(Rate::Write)
            .about("Begin to send a file in parts")
            .details(
                "The answer says how large parts are and how many. Send each with its number, in any order and as often \
                 as it takes, then complete the upload. What is not complete after a day goes.",
            )
            .keyed()
            .takes::<NewUpload>()
            .answers::<Upload>(201, "The upload")
            .refuses(&[Code::LimitExceeded, Code::StorageFull, Code::Gone]),
        route(Method::GET, "/v1/uploads", "list_uploads", list)
            .rate(Rate::Read)
            .about("Your open uploads, newest first")
            .query::<Paging>()
            .answers::<Page<Upload>>(200, "A page of them"),
        route(Method::GET, ONE, "get_upload", get)
            .rate(Rate::Read)
            .about("How far an upload is")
            .answers::<Upload>(200, "The upload; `received` names the parts that are there, `file_id` the file that it became"),
        route(Method::PUT, "/v1/uploads/{upload_id}/parts/{part}", "put_part", put_part)
            .rate(Rate::Write)
            .about("Send a part")
            .details("Its body is the part's bytes: `part_bytes` of them, the last part what remains. A part that was sent before is replaced.")
            .streams(&["application/octet-stream"], "The part's bytes")
            .answers_other(204, None, "The part is there, and on stable storage"),
        route(Method::POST, "/v1/uploads/{upload_id}:complete", "complete_upload", complete)
            .rate(Rate::Write)
            .about("Make a file of it")
            .details(
                "Answers when the file is hashed and on stable storage. Again: the same file. A very large one may take \
                 longer than a request: then ask again.",
            )
            .streams(&[], "")
            .answers::<File>(200, "The file")
            .refuses(&[Code::Unsupported, Code::LimitExceeded, Code::StorageFull, Code::FileStoreUnavailable]),
        route(Method::DELETE, ONE, "abort_upload", abort)
            .rate(Rate::Write)
            .about("Give an upload up")
            .answers_other(204, None, "Nothing is left of it"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).tag("files")).collect()
}

/// What is to come.
#[derive(Deserialize, ToSchema)]
struct NewUpload {
    /// For people; at most 255 bytes. What steers terminals is left out, and `/` becomes `_`.
    #[serde(default)]
    name: String,
    /// In bytes.
    #[schema(minimum = 0)]
    size: i64,
    /// The SHA-256 of the whole in hexadecimal, if it is known: other bytes are refused.
    #[serde(default)]
    sha256: String,
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(NewUpload { name, size, sha256 }): Json<NewUpload>,
) -> Answer<(StatusCode, axum::Json<Upload>)> {
    let request = CreateUploadRequest { name, size, sha256, idempotency_key, at_once: false };
    Ok((StatusCode::CREATED, axum::Json(gateway.services.files.create_upload(&ctx, request).await?)))
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(paging): Query<Paging>,
) -> Answer<axum::Json<Page<Upload>>> {
    let request = ListUploadsRequest { limit: paging.limit(), cursor: paging.cursor };
    let reply = gateway.services.files.list_uploads(&ctx, request).await?;
    Ok(axum::Json(Page { items: reply.items, next_cursor: reply.next_cursor }))
}

async fn get(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<UploadId>,
) -> Answer<axum::Json<Upload>> {
    let request = GetUploadRequest { upload_id: id.to_vec() };
    Ok(axum::Json(gateway.services.files.get_upload(&ctx, request).await?))
}

async fn put_part(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, part)): Path<(UploadId, u32)>,
    request: Request,
) -> Answer<StatusCode> {
    let mut body = Incoming::of(request, &gateway.options.intake);
    let outcome = match gateway.transfers.begin(ctx.user()?) {
        Ok(_place) => transfer::write_part(&gateway, &ctx, id.as_bytes(), part, &mut body).await,
        Err(error) => Err(error.into()),
    };
    body.discard().await;
    outcome.map(|()| StatusCode::NO_CONTENT)
}

async fn complete(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<UploadId>,
) -> Answer<axum::Json<File>> {
    Ok(axum::Json(transfer::complete(&gateway, &ctx, id.to_vec()).await?))
}

async fn abort(State(gateway): State<Arc<Gateway>>, Call(ctx): Call, Path(id): Path<UploadId>) -> Answer<StatusCode> {
    gateway.services.files.abort_upload(&ctx, AbortUploadRequest { upload_id: id.to_vec() }).await?;
    Ok(StatusCode::NO_CONTENT)
}
