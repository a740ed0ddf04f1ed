//! What happens around every request: its id and circumstances before, the problem document, headers, log line and
//! metrics after. A panic in a handler becomes `internal`.

use std::panic::AssertUnwindSafe;

use anser_contract::{Actor, Context};
use anser_types::{Clock, Code, Error, Id};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    forwarded,
    http::{App, trace},
    listener::Connection,
    problem::{self, Refusal},
    routes,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer of the HTTP side.
pub async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| routes::written(path.as_str()));
    let route = route.unwrap_or_else(|| "unmatched".into());
    let tls = request.extensions().get::<Connection>().is_some_and(|connection| connection.tls);
    let mut context = circumstances(&request, &app, started);
    let request_id = context.request_id.clone();
    let parent = trace::parent(request.headers());
    let span = trace::span(&request_id, method, &route, parent.as_ref());
    context.traceparent = trace::handed_on(&span, parent.as_ref());
    request.extensions_mut().insert(context);

    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span);
    let mut response = match answered.await {
        Ok(response) => response,
        Err(_) => {
            // The process's panic hook says where and why.
            tracing::error!(request.id = request_id, route, "a handler panicked");
            Refusal::from(Error::internal("something went wrong here")).into_response()
        }
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        if refusal.error.code == Code::Internal {
            tracing::error!(request.id = request_id, route, error = %refusal.error, "request failed");
        }
        response = with_headers_of(response, problem::render(&refusal, &request_id));
    }
    common_headers(response.headers_mut(), &request_id);
    if tls {
        // Where TLS is a proxy's, whether everybody may be promised it is the proxy's to say.
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    report(method, &route, &request_id, response.status().as_u16(), started);
    response
}

fn circumstances(request: &Request, app: &App, started: Instant) -> Context {
    let mut context = Context::new(Actor::Anonymous, request_id(request.headers(), &app.gateway.clock));
    context.deadline = started + app.gateway.options.timings.request;
    let connection = request.extensions().get::<Connection>();
    let proxies = &app.gateway.options.trusted_proxies;
    context.client_ip =
        connection.map(|connection| forwarded::client(connection.peer.ip(), request.headers(), proxies));
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
    // No other page may embed what it could not read.
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(resource_policy, HeaderValue::from_static("same-origin"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    // Answers hold messages and tokens; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Methods are the client's text; only those of the table become labels.
fn method_name(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// One line and two measurements. Never the query string, a header or a body: they hold tokens and messages.
fn report(method: &'static str, route: &str, request_id: &str, status: u16, started: Instant) {
    let elapsed = started.elapsed();
    let elapsed_us = elapsed.as_micros() as u64;
    tracing::debug!(request.id = request_id, method, route, status, elapsed_us, "answered");
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("anser_http_requests_total", &labels).increment(1);
    metrics::histogram!("anser_http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
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
}
