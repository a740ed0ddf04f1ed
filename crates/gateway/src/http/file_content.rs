//! The bytes of a file: `/v1/files/{file_id}/content`, `/thumbnail`, `/small`. Ranges, validators, and headers with which no
//! browser takes a file for a page of ours.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{File, FileVariant},
};
use anser_types::{Code, Error, FileId};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        extract::{Call, Path, Query},
        ranges::{self, Asked},
        transfer::{self, Wanted},
    },
    problem::{Answer, Refusal},
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// What browsers show or play without running anything of it.
const SHOWN: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "audio/aac",
    "audio/amr",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "video/mp4",
    "video/webm",
];

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::GET, "/v1/files/{file_id}/content", "download_file", content).about("Download a file").details(
            "Yours, one that a message names which you may read, or a face. One range may be asked for. It is given \
                 as an attachment; with `inline=true` pictures, sound and video are given to be shown.",
        ),
        route(Method::GET, "/v1/files/{file_id}/thumbnail", "download_thumbnail", thumbnail)
            .about("A picture's thumbnail")
            .details(
                "A JPEG of at most 320 × 320 pixels, turned as the picture is meant and with nothing else that the \
                 original says. It is made within a moment of the upload: until then `unavailable`.",
            ),
        route(Method::GET, "/v1/files/{file_id}/small", "download_small_avatar", small)
            .about("A face in small")
            .details("A JPEG of at most 96 × 96 pixels and 6 KB."),
    ];
    let described = |row: Route| {
        row.class(Class::User)
            .rate(Rate::Read)
            .tag("files")
            .streams(&[], "")
            .query::<Shown>()
            .answers_other(200, Some("application/octet-stream"), "The bytes, under their own media type")
            .answers_other(206, Some("application/octet-stream"), "The range that was asked for")
            .answers_other(304, None, "What you have is still it")
            .answers_other(416, None, "There is nothing in that range")
            .refuses(&[Code::FileStoreUnavailable])
    };
    rows.into_iter().map(described).collect()
}

/// How it is to be given.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct Shown {
    /// To be shown and not to be kept, where it is a picture, sound or video.
    pub inline: bool,
}

async fn content(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<FileId>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Answer<Response> {
    give(gateway, ctx, id, FileVariant::Original, shown, &headers).await
}

async fn thumbnail(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<FileId>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Answer<Response> {
    give(gateway, ctx, id, FileVariant::Thumbnail, shown, &headers).await
}

async fn small(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path(id): Path<FileId>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Answer<Response> {
    give(gateway, ctx, id, FileVariant::Small, shown, &headers).await
}

/// Gives `ctx`'s person the file, if they may read it.
pub(super) async fn give(
    gateway: Arc<Gateway>,
    ctx: Context,
    id: FileId,
    variant: FileVariant,
    shown: Shown,
    headers: &HeaderMap,
) -> Answer<Response> {
    let file = transfer::one_readable(&gateway, &ctx, id.to_vec()).await?;
    let wanted = Wanted { file_id: id.to_vec(), variant };
    let described = wanted.described(&gateway, &ctx).await?;
    let etag = etag(&file, variant);
    let mut response = Response::new(Body::empty());
    let own = response.headers_mut();
    own.insert(header::ETAG, etag.clone());
    own.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Whether somebody may still read it is asked each time.
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if matches(headers, header::IF_NONE_MATCH, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let size = described.size as u64;
    let fresh = !headers.contains_key(header::IF_RANGE) || matches(headers, header::IF_RANGE, &etag);
    let asked = headers.get(header::RANGE).filter(|_| fresh).and_then(|value| value.to_str().ok());
    let range = match ranges::parse(asked, size) {
        Asked::Whole => 0..size,
        Asked::Part(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            own_header(&mut response, header::CONTENT_RANGE, &text)?;
            range
        }
        Asked::Nothing => {
            let refusal = Refusal::from(Error::field("Range", "there is nothing in that range"));
            let mut response = refusal.with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            own_header(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"))?;
            return Ok(response);
        }
    };
    let inline = variant != FileVariant::Original || (shown.inline && SHOWN.contains(&described.media_type.as_str()));
    own_header(&mut response, header::CONTENT_TYPE, &described.media_type)?;
    own_header(&mut response, header::CONTENT_DISPOSITION, &disposition(&file.name, inline))?;
    own_header(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string())?;
    let place = transfer::place(&gateway, &ctx, range.end - range.start)?;
    harmless(response.headers_mut());
    *response.body_mut() = Body::from_stream(wanted.pieces(gateway, ctx, range, place));
    Ok(response)
}

/// Says that this is nobody's page: what people send must never run with the rights of this origin.
pub(super) fn harmless(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
}

fn own_header(response: &mut Response, name: header::HeaderName, text: &str) -> Result<(), Error> {
    let value = HeaderValue::from_str(text).map_err(|_| Error::internal("a header that cannot be written"))?;
    response.headers_mut().insert(name, value);
    Ok(())
}

fn etag(file: &File, variant: FileVariant) -> HeaderValue {
    let ending = match variant {
        FileVariant::Thumbnail => "-thumbnail",
        FileVariant::Small => "-small",
        FileVariant::Unspecified | FileVariant::Original => "",
    };
    HeaderValue::from_str(&format!("\"{}{ending}\"", file.sha256)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the header names this validator, or any.
fn matches(headers: &HeaderMap, name: header::HeaderName, etag: &HeaderValue) -> bool {
    let Some(named) = headers.get(name).and_then(|value| value.to_str().ok()) else { return false };
    let etag = etag.to_str().unwrap_or_default();
    named.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == etag)
}

/// `Content-Disposition` (RFC 6266): the name for everybody, and as it is for those who read RFC 8187.
pub(crate) fn disposition(name: &str, inline: bool) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    let mut extended = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            extended.push(char::from(byte));
        } else {
            extended.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

/// What may stand between quotes without being taken for something else by anybody.
fn is_plain(character: char) -> bool {
    (character.is_ascii_graphic() || character == ' ') && !matches!(character, '"' | '\\' | '%' | '/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_told_twice_where_they_need_it() {
        assert_eq!(disposition("a b.txt", false), "attachment; filename=\"a b.txt\"");
        let told = disposition("报告.pdf", true);
        assert_eq!(told, "inline; filename=\"__.pdf\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf");
        assert!(
            disposition("a\";filename=evil.html", false).starts_with("attachment; filename=\"a_;filename=evil.html\";")
        );
    }

    #[test]
    fn validators_are_compared_as_lists() {
        let etag = HeaderValue::from_static("\"abc\"");
        let says = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(text))]);
            matches(&headers, header::IF_NONE_MATCH, &etag)
        };
        assert!(says("\"abc\"") && says("\"x\", W/\"abc\"") && says("*"));
        assert!(!says("\"abcd\"") && !says("abc"));
    }

    proptest! {
        #[test]
        fn every_name_makes_a_header(name in "\\PC{0,60}") {
            let told = disposition(&name, false);
            prop_assert!(HeaderValue::from_str(&told).is_ok());
            prop_assert!(told.is_ascii() && !told.contains(['\r', '\n', '\0']));
            prop_assert!(told.matches('"').count() == 2, "{}", told);
        }
    }
}
