//! What HTTP itself promises: problem documents, the API document, probes, idempotency keys.

use anser_tests::{PASSWORD, TestApp};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_error_is_a_problem_document_with_a_request_id() {
    let (app, alice) = TestApp::with_person("alice").await;
    let client = &alice.client;
    let wrong = [
        (Method::GET, "/v1/nothing", None, 404, "not_found"),
        (Method::GET, "/v1/users/not-an-id", None, 400, "invalid_argument"),
        (Method::DELETE, "/v1/users/me/privacy", None, 405, "unsupported"),
        (Method::POST, "/v1/friend-requests", Some(json!({ "to_user_id": 5 })), 400, "invalid_argument"),
        (Method::GET, "/v1/users:lookup?username=nobody-has-this-name", None, 404, "not_found"),
    ];
    for (method, path, body, status, code) in wrong {
        let answer = client.call(method, path, body.as_ref(), &[]).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        let document = answer.value().unwrap();
        assert_eq!((document["code"].as_str(), document["status"].as_u64()), (Some(code), Some(u64::from(status))));
        for field in ["type", "title", "detail", "request_id"] {
            assert!(document[field].as_str().is_some_and(|text| !text.is_empty()), "{path}: {field}");
        }
        assert_eq!(document["retryable"], false);
    }
    let anonymous = app.anonymous().call(Method::GET, "/v1/users/me", None, &[]).await.unwrap();
    assert_eq!(anonymous.status, 401);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_no_json_are_refused() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let large = json!({ "title": "x".repeat(1_100_000) });
    let answer = alice.client.call(Method::POST, "/v1/conversations", Some(&large), &[]).await.unwrap();
    assert_eq!((answer.status, answer.problem().unwrap().code.as_str()), (413, "too_large"));

    let token = alice.client.tokens().unwrap().access_token;
    let http = reqwest::Client::builder().build().unwrap();
    let url = format!("{}/v1/conversations", alice.client.base());
    let send = |media: &'static str, body: &'static str| {
        http.post(&url).bearer_auth(&token).header("content-type", media).body(body).send()
    };
    assert_eq!(send("text/plain", "{}").await.unwrap().status(), 415);
    assert_eq!(send("application/json", "{").await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_api_describes_itself() {
    let (app, _alice) = TestApp::with_person("alice").await;
    let client = app.anonymous();
    let document = client.call(Method::GET, "/openapi.json", None, &[]).await.unwrap().value().unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations: usize =
        document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert!(operations >= 25, "{operations} operations");
    let docs = client.call(Method::GET, "/docs", None, &[]).await.unwrap();
    assert_eq!(docs.status, 200);
    assert!(docs.header("content-type").unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn probes_and_metrics_answer_everybody() {
    let (app, _alice) = TestApp::with_person("alice").await;
    let client = app.anonymous();
    assert_eq!(client.call(Method::GET, "/healthz", None, &[]).await.unwrap().status, 200);
    let ready = client.call(Method::GET, "/readyz", None, &[]).await.unwrap();
    assert_eq!((ready.status, ready.value().unwrap()["ready"].as_bool()), (200, Some(true)));
    let metrics = client.call(Method::GET, "/metrics", None, &[]).await.unwrap();
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.lines().any(|line| line.starts_with("# TYPE anser_")), "{text}");
}

#[tokio::test]
async fn a_key_with_another_body_is_a_conflict_and_belongs_to_its_person() {
    let (app, alice) = TestApp::with_person("alice").await;
    let bob = app.person("bob").await;
    let create = |person: &anser_tests::Person, title: &str| {
        let (client, body) = (person.client.clone(), json!({ "title": title }));
        async move { client.call(Method::POST, "/v1/conversations", Some(&body), &[("idempotency-key", "k")]).await }
    };
    let first = create(&alice, "one").await.unwrap();
    let again = create(&alice, "one").await.unwrap();
    assert_eq!(first.status, again.status);
    assert_eq!(first.value().unwrap()["conversation_id"], again.value().unwrap()["conversation_id"]);
    let conflict = create(&alice, "two").await.unwrap();
    assert_eq!((conflict.status, conflict.problem().unwrap().code.as_str()), (409, "idempotency_conflict"));
    let bobs = create(&bob, "two").await.unwrap();
    assert_eq!(bobs.status, 201);

    for key in ["", &"x".repeat(65)] {
        let body = json!({ "title": "t" });
        let header = [("idempotency-key", key)];
        let answer = alice.client.call(Method::POST, "/v1/conversations", Some(&body), &header).await.unwrap();
        assert_eq!(answer.status, 400, "{key:?}");
    }
}

#[tokio::test]
async fn no_secret_stands_in_an_error() {
    let (app, alice) = TestApp::with_person("alice").await;
    let body = json!({ "username": alice.username, "password": { "oops": PASSWORD } });
    let answer = app.anonymous().call(Method::POST, "/v1/sessions", Some(&body), &[]).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(!String::from_utf8_lossy(&answer.body).contains(PASSWORD));
}
