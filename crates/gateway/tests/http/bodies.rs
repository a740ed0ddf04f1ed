//! Bodies, query strings and paths that are not as they must be.

use http::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::house::House;

#[tokio::test]
async fn only_json_is_taken() {
    let house = House::start().await;
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let ask = house.anyone(Method::POST, "/v1/sessions").header("content-type", media_type);
        assert_eq!(ask.body("{}").send().await.code(), "unsupported", "{media_type}");
    }
    assert_eq!(house.anyone(Method::POST, "/v1/sessions").body("{}").send().await.code(), "unsupported");
    let ask = house.anyone(Method::POST, "/v1/sessions").header("content-type", "Application/JSON; charset=utf-8");
    let answer = ask.body(r#"{"username":"alice","password":"secret"}"#).send().await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let house = House::start().await;
    let padding = "x".repeat(7 << 20);
    let body = json!({"username": padding, "password": "secret"}).to_string();
    let ask = house.anyone(Method::POST, "/v1/users").header("content-type", "application/json");
    let answer = ask.body(body).send().await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.code(), "too_large");
    assert!(house.fake.calls("register").is_empty());
}

#[tokio::test]
async fn a_large_body_is_refused_when_its_size_was_not_announced() {
    let house = House::start().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let head = "POST /v1/users HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("40000\r\n{}\r\n", " ".repeat(0x40000));
    for _ in 0..6 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"too_large\""), "{answer}");
}

#[tokio::test]
async fn wrong_fields_are_named_without_their_values() {
    let house = House::start().await;
    let answer = house.post("/v1/sessions", json!({"username": "alice", "password": {"s3cret": 1}})).await;
    let problem = answer.problem();
    assert_eq!(problem["code"], "invalid_argument");
    assert_eq!(problem["fields"][0]["field"], "password");
    assert!(!answer.text().contains("s3cret"));

    let problem = house.post("/v1/sessions", json!({"username": "alice"})).await.problem();
    assert_eq!(problem["code"], "invalid_argument");
    assert_eq!(problem["fields"], json!([{"field": "password", "detail": "is missing"}]));

    let problem = house.post("/v1/friend-requests", json!({"to_user_id": "hello"})).await.problem();
    assert_eq!(problem["fields"][0]["field"], "to_user_id");

    for body in ["", "{", "[]", "null", "{} {}"] {
        let ask = house.anyone(Method::POST, "/v1/sessions").header("content-type", "application/json");
        assert_eq!(ask.body(body).send().await.code(), "invalid_argument", "{body}");
    }
}

#[tokio::test]
async fn unknown_fields_and_parameters_are_ignored() {
    let house = House::start().await;
    let body = json!({"username": "alice", "password": "secret", "colour": "red"});
    assert_eq!(house.post("/v1/sessions", body).await.status, StatusCode::CREATED);
    assert_eq!(house.get("/v1/friends?colour=red").await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_have_bounds() {
    let house = House::start().await;
    for (query, asked) in [("", "limit: 50"), ("?limit=7&cursor=abc", "limit: 7"), ("?limit=5000", "limit: 200")] {
        assert_eq!(house.get(&format!("/v1/friends{query}")).await.status, StatusCode::OK);
        let request = house.fake.last("list_friends").request;
        assert!(request.contains(asked), "{query}: {request}");
    }
    assert!(house.fake.calls("list_friends")[1].request.contains("\"abc\""));
    for query in ["?limit=many", "?limit=-1", "?limit="] {
        let problem = house.get(&format!("/v1/friends{query}")).await.problem();
        assert_eq!(problem["code"], "invalid_argument", "{query}");
        assert_eq!(problem["fields"][0]["field"], "limit", "{query}");
    }
}

#[tokio::test]
async fn paths_name_ids() {
    let house = House::start().await;
    for path in ["/v1/users/hello", "/v1/conversations/0", "/v1/friend-requests/%20"] {
        assert_eq!(house.get(path).await.code(), "invalid_argument", "{path}");
    }
    let problem = house.get("/v1/sync/conversation").await.problem();
    assert_eq!(problem["fields"], json!([{"field": "conversation_id", "detail": "is missing"}]));
}
