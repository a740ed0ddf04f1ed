//! Errors of services, of time and of ourselves.

use std::time::Duration;

use anser_gateway::{GatewayOptions, options::Timings};
use anser_types::{Code, Error};
use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    fakes::{ALICE, SESSION},
    house::House,
};

#[tokio::test]
async fn every_code_reaches_the_client() {
    let house = House::start().await;
    for &code in Code::ALL {
        house.fake.fail_with(Error::new(code, "why").retry_after(1_500));
        let answer = house.get("/v1/users/me").await;
        assert_eq!(answer.status.as_u16(), code.http_status());
        let problem = answer.problem();
        assert_eq!(problem["code"], code.as_str());
        assert_eq!(problem["retryable"], code.retryable());
        assert_eq!(problem["retry_after_ms"], 1_500);
        let advised = matches!(answer.status.as_u16(), 429 | 503 | 507);
        assert_eq!(answer.header("retry-after"), if advised { "2" } else { "" });
    }
}

#[tokio::test]
async fn fields_are_named() {
    let house = House::start().await;
    house.fake.fail_with(Error::field("nickname", "too long"));
    let problem = house.get("/v1/users/me").await.problem();
    assert_eq!(problem["fields"], json!([{"field": "nickname", "detail": "too long"}]));
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_house_stands() {
    let house = House::start().await;
    *house.fake.panic.lock() = true;
    let answer = house.get("/v1/users/me").await;
    assert_eq!(answer.code(), "internal");
    assert!(!answer.text().contains("planted"));
    *house.fake.panic.lock() = false;
    assert_eq!(house.get("/v1/users/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_slow_service_is_a_deadline_exceeded() {
    let timings = Timings { request: Duration::from_millis(100), ..Timings::default() };
    let house = House::start_with(GatewayOptions { timings, ..GatewayOptions::default() }).await;
    *house.fake.slow.lock() = Some(Duration::from_secs(60));
    assert_eq!(house.get("/v1/users/me").await.code(), "deadline_exceeded");
}

#[tokio::test]
async fn what_travels_with_a_call_reaches_the_service() {
    let house = House::start().await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ask = house
        .alice(Method::GET, "/v1/users/me")
        .header("x-request-id", "my-request")
        .header("traceparent", traceparent);
    let answer = ask.header("x-forwarded-for", "6.6.6.6").header("forwarded", "for=6.6.6.6").send().await;
    assert_eq!(answer.header("x-request-id"), "my-request");
    let context = house.fake.last("get_me").context;
    assert_eq!(context.request_id, "my-request");
    assert_eq!(context.traceparent.as_deref(), Some(traceparent));
    assert_eq!(context.client_ip, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(context.user(), Ok(ALICE));
    assert!(context.remaining() <= Duration::from_secs(5));

    let answer = house.alice(Method::GET, "/v1/users/me").header("x-request-id", "not one!").send().await;
    assert_eq!(answer.header("x-request-id").len(), 26);
    assert_eq!(house.fake.last("get_me").context.request_id, answer.header("x-request-id"));
}

#[tokio::test]
async fn answers_are_not_sniffed_and_not_kept() {
    let house = House::start().await;
    for path in ["/v1/users/me", "/v1/nowhere", "/healthz"] {
        let answer = house.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let house = House::start().await;
    let answer = house.alice(Method::HEAD, "/v1/users/me").send().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.is_empty() && answer.header("content-length") != "0");
}

#[tokio::test]
async fn a_token_of_the_end_of_time_is_a_token() {
    let house = House::start().await;
    let header = br#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;
    for (iat, exp, status) in
        [(0, i64::MAX, 200), (i64::MIN, i64::MAX, 200), (0, i64::MIN, 401), (i64::MAX, i64::MAX, 401)]
    {
        let claims = json!({
            "iss": "anser", "aud": "anser", "sub": ALICE.to_string(), "sid": SESSION.to_string(), "iat": iat, "exp": exp,
        });
        let token = house.fake.sign(header, claims.to_string().as_bytes());
        let ask = house.anyone(Method::GET, "/v1/users/me").header("authorization", &format!("Bearer {token}"));
        assert_eq!(ask.send().await.status.as_u16(), status, "{claims}");
    }
}
