//! Pages of other origins (the Fetch standard's CORS protocol): which may read our answers, and what they may send.
//!
//! Who somebody is stands in the `Authorization` header, which a page has to know itself; cookies and the like mean
//! nothing here, so credentials are never allowed. Pages of our own origin need nothing of this.

use anser_types::{Code, Error};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

use crate::{http::App, problem::Refusal};

/// What requests may carry beyond what every page may send.
const TAKEN: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-none-match, if-range, range, x-request-id, traceparent, \
     tracestate",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// What pages may read beyond what they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "retry-after, x-request-id, www-authenticate, location, accept-ranges, content-disposition, content-range, etag",
);
/// How long a browser may remember a preflight's answer: two hours is the most that any of them does.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Answers preflights, and names the page's origin on answers that it may read.
pub async fn cors(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return varied(next.run(request).await);
    };
    let allowed = allows(&app.gateway.options.allowed_origins, &origin);
    let mut response = match (is_preflight(&request), allowed) {
        (true, true) => preflight(),
        (true, false) => Refusal::from(Error::new(Code::Forbidden, "this origin may not call")).into_response(),
        (false, _) => next.run(request).await,
    };
    if allowed {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    varied(response)
}

/// Whether the configuration names this origin. `*` names all.
pub fn allows(allowed: &[String], origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    allowed.iter().any(|allowed| allowed == "*" || allowed.trim_end_matches('/').eq_ignore_ascii_case(origin.trim()))
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, TAKEN),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, HeaderMap::from_iter(headers)).into_response()
}

/// Caches must not give one page the answer that another may read.
fn varied(mut response: Response) -> Response {
    response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    response
}
