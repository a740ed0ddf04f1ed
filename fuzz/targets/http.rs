//! The whole door, without sockets: a request as text (a line with method and target, headers, a blank line, a body) goes
//! through routing, headers, rights, query and body to services that take everything. It is answered or refused in the
//! documented form, and never a fault of ours.
#![no_main]

#[path = "../../crates/gateway/tests/http/fakes.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests of the gateway use the rest of it; there a panic is how they fail"
)]
mod fakes;

use std::{
    cell::RefCell,
    sync::{Arc, LazyLock},
};

use anser_gateway::{Gateway, GatewayOptions, Health, rates::Allowance, router};
use anser_types::Code;
use axum::{Router, body::Body};
use http::{
    HeaderName, HeaderValue, Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// The fake services note every call, so now and then they are made anew.
const REQUESTS: usize = 20_000;

struct House {
    router: Router,
    token: String,
    requests: usize,
}

impl House {
    fn new() -> Self {
        let fake = fakes::Fake::new();
        let unlimited = Allowance { per_second: 0, burst: 1 };
        let mut options =
            GatewayOptions { allowed_origins: vec!["https://app.example.org".into()], ..Default::default() };
        let allowances = &mut options.allowances;
        for allowance in [
            &mut allowances.public,
            &mut allowances.session,
            &mut allowances.read,
            &mut allowances.write,
            &mut allowances.search,
            &mut allowances.speech,
        ] {
            *allowance = unlimited;
        }
        let gateway = Gateway::new(fake.services(), options, fake.clock.clone());
        gateway.identities.ended().complete();
        let token = format!("Bearer {}", fake.token());
        let router = router(gateway, Health::new(), Arc::new(|| "anser_up 1\n".to_owned())).expect("a whole table");
        Self { router, token, requests: 0 }
    }
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

thread_local! {
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

/// The request that the text is; by Alice, unless it says itself who asks.
fn request(data: &[u8], token: &str) -> Option<Request<Body>> {
    let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, body) = data.split_at(end);
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request = request.header(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    let mut request = request.body(Body::from(body.get(2..).unwrap_or_default().to_vec())).ok()?;
    if !request.headers().contains_key(AUTHORIZATION) {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(token).ok()?);
    }
    Some(request)
}

async fn ask(router: Router, request: Request<Body>) {
    let header = |name| request.headers().get(name).map(|value| value.as_bytes().to_ascii_lowercase());
    let (origin, host) = (header("origin"), header("host"));
    let has_body = request.method() != Method::HEAD;
    let answer = router.oneshot(request).await.expect("the router never fails");
    let (parts, body) = answer.into_parts();
    let allowed = parts.headers.get("access-control-allow-origin");
    assert!(allowed.is_none_or(|allowed| allowed.as_bytes().eq_ignore_ascii_case(b"https://app.example.org")));
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        let own = origin.as_ref().zip(host).is_some_and(|(origin, host)| origin.ends_with(&host));
        assert!(origin.is_none() || allowed.is_some() || own, "a foreign page has a socket");
    }
    assert_ne!(parts.status, StatusCode::INTERNAL_SERVER_ERROR, "a fault of ours");
    if parts.status.as_u16() < 400 || !has_body {
        return;
    }
    assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
    let body = body.collect().await.expect("a body").to_bytes();
    let problem: Value = serde_json::from_slice(&body).expect("a problem document");
    assert!(problem["code"].as_str().and_then(Code::parse).is_some(), "{problem}");
    assert_eq!(problem["status"], parts.status.as_u16());
}

fuzz_target!(|data: &[u8]| {
    HOUSE.with_borrow_mut(|house| {
        RUNTIME.block_on(async {
            if house.as_ref().is_none_or(|house| house.requests >= REQUESTS) {
                *house = Some(House::new());
            }
            let Some(house) = house else { return };
            house.requests += 1;
            if let Some(request) = request(data, &house.token) {
                ask(house.router.clone(), request).await;
            }
        });
    });
});
