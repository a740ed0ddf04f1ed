//! What stands before every handler: limits, addresses behind proxies, pages of other origins, slow bodies.

use std::time::Duration;

use anser_gateway::{
    GatewayOptions,
    options::Intake,
    rates::{Allowance, Allowances},
};
use http::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::house::House;

const ONE: Allowance = Allowance { per_second: 1, burst: 1 };

async fn house_with(allowances: Allowances, proxies: &[&str]) -> House {
    let trusted_proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
    House::start_with(GatewayOptions { allowances, trusted_proxies, ..GatewayOptions::default() }).await
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let house = house_with(Allowances { read: ONE, ..Allowances::default() }, &[]).await;
    assert_eq!(house.get("/v1/friends").await.status, StatusCode::OK);
    let answer = house.get("/v1/friends").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.problem()["retry_after_ms"], 1_000);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(house.fake.calls("list_friends").len(), 1, "the service is not asked");
    assert_eq!(house.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(house.get("/v1/users:lookup?username=bob").await.status, StatusCode::OK, "searching counts apart");
}

#[tokio::test]
async fn addresses_behind_a_trusted_proxy_have_buckets_of_their_own() {
    let house = house_with(Allowances { public: ONE, ..Allowances::default() }, &["127.0.0.1"]).await;
    let docs =
        async |from: &str| house.anyone(Method::GET, "/docs").header("x-forwarded-for", from).send().await.status;
    assert_eq!(docs("192.0.2.1").await, StatusCode::SEE_OTHER);
    assert_eq!(docs("192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(docs("192.0.2.2").await, StatusCode::SEE_OTHER);
    assert_eq!(docs("192.0.2.3, 192.0.2.2").await, StatusCode::TOO_MANY_REQUESTS, "what clients claim is not counted");
}

#[tokio::test]
async fn without_a_trusted_proxy_a_claimed_address_means_nothing() {
    let house = house_with(Allowances { public: ONE, ..Allowances::default() }, &[]).await;
    let docs =
        async |from: &str| house.anyone(Method::GET, "/docs").header("x-forwarded-for", from).send().await.status;
    assert_eq!(docs("192.0.2.1").await, StatusCode::SEE_OTHER);
    assert_eq!(docs("192.0.2.2").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn guessing_tokens_is_limited() {
    let house = house_with(Allowances { public: ONE, ..Allowances::default() }, &[]).await;
    let guess = async || house.anyone(Method::GET, "/v1/friends").header("authorization", "Bearer x").send().await;
    assert_eq!(guess().await.code(), "unauthenticated");
    assert_eq!(guess().await.code(), "rate_limited");
    assert_eq!(house.get("/v1/friends").await.status, StatusCode::OK, "who is logged in is not concerned");
}

#[tokio::test]
async fn what_anybody_may_send_is_small() {
    let house = House::start().await;
    let large = json!({"username": "x".repeat(20_000), "password": "secret"});
    assert_eq!(house.post("/v1/sessions", large.clone()).await.code(), "too_large");
    assert_eq!(house.post("/v1/conversations", json!({"title": "x".repeat(20_000)})).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_that_drips_is_refused_and_its_connection_closed() {
    let intake = Intake { whole: Duration::from_millis(100), ..Intake::default() };
    let house = House::start_with(GatewayOptions { intake, ..GatewayOptions::default() }).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let head = "POST /v1/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"{").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"deadline_exceeded\""), "{answer}");
}

async fn town_of_pages() -> House {
    let allowed_origins = vec!["https://chat.example.com".to_owned()];
    House::start_with(GatewayOptions { allowed_origins, ..GatewayOptions::default() }).await
}

#[tokio::test]
async fn pages_that_are_allowed_may_ask_and_read() {
    let house = town_of_pages().await;
    let ask = house.anyone(Method::OPTIONS, "/v1/users/me").header("origin", "https://chat.example.com");
    let answer = ask.header("access-control-request-method", "PATCH").send().await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), "https://chat.example.com");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    for header in ["authorization", "content-type", "idempotency-key"] {
        assert!(answer.header("access-control-allow-headers").contains(header), "{header}");
    }
    assert!(answer.header("access-control-max-age").parse::<u32>().unwrap() > 0);
    assert_eq!(answer.header("access-control-allow-credentials"), "");

    let ask = house.alice(Method::GET, "/v1/users/me").header("origin", "https://chat.example.com");
    let answer = ask.send().await;
    assert_eq!((answer.status, answer.header("vary")), (StatusCode::OK, "origin"));
    assert_eq!(answer.header("access-control-allow-origin"), "https://chat.example.com");
    assert!(answer.header("access-control-expose-headers").contains("retry-after"));

    let ask = house.anyone(Method::GET, "/v1/users/me").header("origin", "https://chat.example.com");
    let refused = ask.send().await;
    assert_eq!(refused.code(), "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), "https://chat.example.com", "errors can be read too");
}

#[tokio::test]
async fn other_pages_are_told_nothing() {
    let house = town_of_pages().await;
    for origin in ["https://evil.example", "null", "https://chat.example.com.evil.example", "http://chat.example.com"] {
        let ask = house.anyone(Method::OPTIONS, "/v1/users/me").header("origin", origin);
        let answer = ask.header("access-control-request-method", "GET").send().await;
        assert_eq!(answer.code(), "forbidden", "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        let answer = house.alice(Method::GET, "/v1/users/me").header("origin", origin).send().await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let closed = House::start().await;
    let ask = closed.anyone(Method::GET, "/v1/users/me").header("origin", "https://chat.example.com");
    assert_eq!(ask.send().await.header("access-control-allow-origin"), "", "by default no page is allowed");
}

#[tokio::test]
async fn every_answer_says_how_browsers_shall_treat_it() {
    let house = House::start().await;
    for path in ["/v1/users/me", "/v1/nothing", "/docs/", "/healthz"] {
        let answer = house.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("strict-transport-security"), "", "this connection is not ours to promise for");
    }
}
