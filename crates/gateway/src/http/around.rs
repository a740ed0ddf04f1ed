//! What happens around every request: its id and circumstances before, the problem document, headers, log line and
//! metrics after. A panic in a handler becomes `internal`, a deadline that passes `deadline_exceeded`.

use std::panic::AssertUnwindSafe;

use anser_contract::{Actor, Context};
use anser_types::{Clock, Code, Error, Id};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{
    http::App,
    listener::Connection,
    problem::{self, Refusal},
    routes,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The outermost layer of the HTTP side.
pub async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let context = circumstances(&request, &app, started);
    let (request_id, deadline) = (context.request_id.clone(), context.deadline);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| routes::written(path.as_str()));
    let route = route.unwrap_or_else(|| "unmatched".into());
    request.extensions_mut().insert(context);

    let span = tracing::debug_span!("http", request.id = request_id, method = method.as_str(), route);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span);
    let mut response = match timeout_at(deadline, answered).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(request.id = request_id, route, panic = panic_text(&*panic), "a handler panicked");
            Refusal::from(Error::internal("something went wrong here")).into_response()
        }
        Err(_) => Refusal::from(Error::new(Code::DeadlineExceeded, "the request's time ran out")).into_response(),
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        if refusal.error.code == Code::Internal {
            tracing::error!(request.id = request_id, route, error = %refusal.error, "request failed");
        }
        response = with_headers_of(response, problem::render(&refusal, &request_id));
    }
    common_headers(response.headers_mut(), &request_id);
    report(&method, &route, &request_id, response.status().as_u16(), started);
    response
}

/// Forwarding headers are not looked at: the client's address is the socket's.
fn circumstances(request: &Request, app: &App, started: Instant) -> Context {
    let mut context = Context::new(Actor::Anonymous, request_id(request.headers(), &app.gateway.clock));
    context.deadline = started + app.gateway.options.timings.request;
    context.client_ip = request.extensions().get::<Connection>().map(|connection| connection.peer.ip());
    context.traceparent = traceparent(request.headers());
    context
}

/// The client's id for the request if it is harmless, else a new one.
fn request_id(headers: &HeaderMap, clock: &Clock) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(is_id_byte);
    given.filter(harmless).map_or_else(|| Id::new(clock).to_string(), str::to_owned)
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context, section 3.2); anything else is not passed on.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let parts: Vec<&str> = value.split('-').collect();
    let lower_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let well_formed =
        parts.first() == Some(&"00") && lengths == [2, 32, 16, 2] && parts.iter().all(|part| lower_hex(part));
    let named = well_formed && parts[1..3].iter().all(|id| id.bytes().any(|byte| byte != b'0'));
    named.then(|| value.to_owned())
}

/// Keeps what the router said beside the status, such as `Allow`.
fn with_headers_of(old: Response, mut new: Response) -> Response {
    for (name, value) in old.headers() {
        if !matches!(*name, header::CONTENT_LENGTH | header::CONTENT_TYPE) {
            new.headers_mut().insert(name.clone(), value.clone());
        }
    }
    new
}

fn common_headers(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    // Answers hold messages and tokens; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// One line and two measurements. Never the query string, a header or a body: they hold tokens and messages.
fn report(method: &http::Method, route: &str, request_id: &str, status: u16, started: Instant) {
    let elapsed = started.elapsed();
    tracing::debug!(
        request.id = request_id,
        method = method.as_str(),
        route,
        status,
        elapsed_us = elapsed.as_micros() as u64,
        "answered"
    );
    // Methods are the client's text; only those the table knows become labels.
    let method = match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("anser_http_requests_total", &labels).increment(1);
    metrics::histogram!("anser_http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("not a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn harmless_request_ids_are_kept_and_others_replaced() {
        let clock = Clock::fixed(1);
        assert_eq!(request_id(&headers(REQUEST_ID, "abc-1.x_Y"), &clock), "abc-1.x_Y");
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert_eq!(request_id(&headers(REQUEST_ID, bad), &clock).len(), 26);
        }
    }

    #[test]
    fn only_well_formed_trace_parents_pass() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(&headers(TRACEPARENT, good)).as_deref(), Some(good));
        for bad in ["", "00", "00-x-y-z", &good.to_uppercase(), &good.replace("00f067aa0ba902b7", "0000000000000000")] {
            assert_eq!(traceparent(&headers(TRACEPARENT, bad)), None, "{bad}");
        }
    }
}
