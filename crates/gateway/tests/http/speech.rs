//! Speech over HTTP: recordings come as they are, are larger than JSON may be, and take longer.

use std::time::Duration;

use anser_gateway::{
    GatewayOptions,
    rates::{Allowance, Allowances},
};
use http::{Method, StatusCode};

use crate::house::House;

const RECOGNIZE: &str = "/v1/speech:recognize";
const MESSAGE: &str = "/v1/conversations/01aaaaaaaaaaaaaaaaaaaaaaa0/messages/7:transcribe";

#[tokio::test]
async fn a_recording_is_handed_on_as_it_is() {
    let house = House::start().await;
    let recording = vec![0xff; 2 << 20];
    let ask = house.alice(Method::POST, RECOGNIZE).header("content-type", "audio/wav").body(recording);
    assert_eq!(ask.send().await.json()["text"], "2097152 bytes of audio/wav");
    let answer = house.alice(Method::POST, RECOGNIZE).body("ab").send().await;
    assert_eq!(answer.json()["text"], "2 bytes of ");
    let answer = house.alice(Method::POST, MESSAGE).send().await;
    assert_eq!((answer.status, answer.json()["text"].as_str()), (StatusCode::OK, Some("good morning")));
    assert!(house.fake.calls("transcribe")[0].request.contains("seq: 7"));
}

#[tokio::test]
async fn one_that_is_too_large_is_not_handed_on() {
    let house = House::start_with(GatewayOptions { recording_bytes: 1_000, ..GatewayOptions::default() }).await;
    assert_eq!(house.alice(Method::POST, RECOGNIZE).body(vec![0; 1_001]).send().await.code(), "too_large");
    assert!(house.fake.calls("recognize").is_empty());
    assert_eq!(house.alice(Method::POST, RECOGNIZE).body(vec![0; 1_000]).send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn words_may_take_longer_than_other_answers() {
    let mut options = GatewayOptions::default();
    options.timings.request = Duration::from_millis(200);
    options.timings.request_max = Duration::from_secs(30);
    let house = House::start_with(options).await;
    *house.fake.slow.lock() = Some(Duration::from_millis(600));
    assert_eq!(house.get("/v1/users/me").await.code(), "deadline_exceeded");
    assert_eq!(house.alice(Method::POST, MESSAGE).send().await.status, StatusCode::OK);
    assert_eq!(house.alice(Method::POST, RECOGNIZE).body("ab").send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn they_have_a_rate_of_their_own() {
    let speech = Allowance { per_second: 1, burst: 2 };
    let allowances = Allowances { speech, ..Allowances::default() };
    let house = House::start_with(GatewayOptions { allowances, ..GatewayOptions::default() }).await;
    for _ in 0..2 {
        assert_eq!(house.alice(Method::POST, MESSAGE).send().await.status, StatusCode::OK);
    }
    assert_eq!(house.alice(Method::POST, RECOGNIZE).body("ab").send().await.code(), "rate_limited");
    assert_eq!(house.get("/v1/users/me").await.status, StatusCode::OK);
}
