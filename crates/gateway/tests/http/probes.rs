//! What those who watch the process see.

use http::{Method, StatusCode};
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn readiness_says_what_is_degraded() {
    let house = House::start().await;
    let ask = async || house.anyone(Method::GET, "/readyz").send().await;
    assert_eq!(house.anyone(Method::GET, "/healthz").send().await.text(), "ok\n");

    assert_eq!(ask().await.status, StatusCode::SERVICE_UNAVAILABLE);
    house.health.set_ready(true);
    assert_eq!(ask().await.json(), json!({"ready": true, "degraded": []}));
    house.health.degrade("clock", true);
    house.health.degrade("auditor", true);
    let answer = ask().await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"ready": true, "degraded": ["auditor", "clock"]}))
    );
    house.health.degrade("clock", false);
    house.health.set_ready(false);
    let answer = ask().await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({"ready": false, "degraded": ["auditor"]}));
}

#[tokio::test]
async fn metrics_are_what_the_process_gives() {
    let house = House::start().await;
    let answer = house.anyone(Method::GET, "/metrics").send().await;
    assert_eq!(answer.text(), "anser_up 1\n");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
}
