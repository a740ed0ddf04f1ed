//! Faces: one's own (`/v1/users/me/avatar`), and pictures for groups (`/v1/avatars`).
//!
//! Whatever is sent is cut to a square and encoded anew by the file service. What a profile or a group holds is the id of the file that
//! came of it, and everybody who is signed in may read that file.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        File, FilePurpose, GetFilesRequest, GetMeRequest, HoldFilesRequest, MakeAvatarRequest, OwnProfile,
        UpdateProfileRequest,
    },
};
use anser_types::{Code, Error, FileId, Result};
use axum::extract::{Request, State};
use http::{Method, StatusCode, header};
use serde::Deserialize;

use crate::{
    http::{
        extract::Call,
        files::{announced, from_body},
        intake::Incoming,
        transfer::{self, AtOnce},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

const OWN: &str = "/v1/users/me/avatar";
/// The largest body that names a file.
const NAMING_BYTES: usize = 1 << 10;
const BODIES: &[&str] = &["image/*", "application/json"];
const BODY: &str = "The picture, or `{\"file_id\": …}` of one of your files";

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::PUT, OWN, "set_avatar", set)
            .tag("users")
            .about("Change your face")
            .details(
                "A JPEG, PNG, GIF or WebP, or the id of one of your files. Its square middle is encoded anew, without \
                 what else it says. `avatar` of your profile is then the id of a file that everybody may read who is \
                 signed in; your friends are told at once.",
            )
            .streams(BODIES, BODY)
            .answers::<OwnProfile>(200, "Your profile as it is now")
            .refuses(&[Code::Unsupported, Code::NotFound]),
        route(Method::DELETE, OWN, "remove_avatar", remove)
            .tag("users")
            .about("Have no face")
            .answers::<OwnProfile>(200, "Your profile as it is now"),
        route(Method::POST, "/v1/avatars", "create_avatar", create)
            .tag("files")
            .about("Make a face for a group")
            .details("Put its `file_id` into the group's `avatar`. Everybody may read it who is signed in.")
            .streams(BODIES, BODY)
            .answers::<File>(201, "The face")
            .refuses(&[Code::Unsupported, Code::NotFound]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).rate(Rate::Write)).collect()
}

async fn set(State(gateway): State<Arc<Gateway>>, Call(ctx): Call, request: Request) -> Answer<axum::Json<OwnProfile>> {
    let face = make(&gateway, &ctx, request).await?;
    let avatar = FileId::try_from(&face.file_id[..])?.to_string();
    Ok(axum::Json(wear(&gateway, &ctx, avatar).await?))
}

async fn remove(State(gateway): State<Arc<Gateway>>, Call(ctx): Call) -> Answer<axum::Json<OwnProfile>> {
    Ok(axum::Json(wear(&gateway, &ctx, String::new()).await?))
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    request: Request,
) -> Answer<(StatusCode, axum::Json<File>)> {
    Ok((StatusCode::CREATED, axum::Json(make(&gateway, &ctx, request).await?)))
}

/// The caller's file that a request names.
#[derive(Deserialize)]
struct Naming {
    file_id: FileId,
}

/// A face of the picture that a request brings or names.
async fn make(gateway: &Arc<Gateway>, ctx: &Context, request: Request) -> Answer<File> {
    let said = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let file_id = if said.trim_start().starts_with("application/json") {
        named(gateway, request).await?.to_vec()
    } else {
        let most = gateway.options.transfers.avatar_bytes;
        let size = announced(request.headers());
        if size < 0 || size > most as i64 {
            Incoming::of(request, &gateway.options.intake).discard().await;
            let detail = format!("a picture for a face says how large it is, and has at most {most} bytes");
            return Err(Error::new(Code::TooLarge, detail).into());
        }
        let asked = AtOnce { name: "avatar".into(), size, sha256: String::new(), key: String::new() };
        from_body(gateway, ctx, asked, request).await?.file_id
    };
    let ctx = transfer::anew(gateway, ctx);
    Ok(gateway.services.files.make_avatar(&ctx, MakeAvatarRequest { file_id }).await?)
}

async fn named(gateway: &Gateway, request: Request) -> Answer<FileId> {
    let (mut body, mut text) = (Incoming::of(request, &gateway.options.intake), Vec::new());
    while let Some(bytes) = body.next().await? {
        if text.len() + bytes.len() > NAMING_BYTES {
            return Err(Error::new(Code::TooLarge, format!("this request has at most {NAMING_BYTES} bytes")).into());
        }
        text.extend_from_slice(&bytes);
    }
    let naming: Naming = serde_json::from_slice(&text).map_err(|_| Error::field("file_id", "is missing or no id"))?;
    Ok(naming.file_id)
}

/// Puts a face into the caller's profile, and lets go of the one that was there.
async fn wear(gateway: &Gateway, ctx: &Context, avatar: String) -> Result<OwnProfile> {
    let ctx = &transfer::anew(gateway, ctx);
    let users = &gateway.services.users;
    let before = users.get_me(ctx, GetMeRequest {}).await?.avatar;
    let request = UpdateProfileRequest { avatar: Some(avatar), ..UpdateProfileRequest::default() };
    let profile = users.update_profile(ctx, request).await?;
    if before != profile.avatar
        && let Err(error) = let_go(gateway, ctx, &before).await
    {
        // It stays among the person's files, and goes with their account.
        tracing::debug!(%error, "an old face stays");
    }
    Ok(profile)
}

/// Only faces, and only one's own: whatever else a profile may have named before.
async fn let_go(gateway: &Gateway, ctx: &Context, avatar: &str) -> Result<()> {
    let Ok(id) = avatar.parse::<FileId>() else { return Ok(()) };
    let me = ctx.user()?;
    let files = &gateway.services.files;
    let known = files.get_files(ctx, GetFilesRequest { file_ids: vec![id.to_vec()] }).await?.items;
    let own = |file: &File| file.owner_id == me.as_bytes() && file.purpose() == FilePurpose::Avatar;
    let file_ids: Vec<Vec<u8>> = known.into_iter().filter(own).map(|file| file.file_id).collect();
    if !file_ids.is_empty() {
        files.hold_files(&Context::service(), HoldFilesRequest { file_ids, release: true }).await?;
    }
    Ok(())
}
