//! Every row of the table is mounted, and behind its class.

use anser_gateway::{
    GatewayOptions,
    http::table,
    rates::Rate,
    routes::{Class, Route, TableError, check, route},
};
use http::{Method, StatusCode};

use crate::house::House;

const ID: &str = "01aaaaaaaaaaaaaaaaaaaaaaa0";

fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { fill(part) } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("/")
}

fn fill(part: &str) -> String {
    let verb = part.split_once("}:").map(|(_, verb)| format!(":{verb}")).unwrap_or_default();
    format!("{ID}{verb}")
}

fn rows() -> Vec<Route> {
    table().into_iter().filter(|row| row.path() != "/v1/ws").collect()
}

#[tokio::test]
async fn every_row_is_mounted() {
    let house = House::start().await;
    let mut count = 0;
    for row in rows() {
        if row.path() == "/docs/{file}" {
            continue;
        }
        let answer = house.alice(row.method().clone(), &concrete(row.path())).json(serde_json::json!({})).send().await;
        let detail = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!detail.contains("there is no such path"), "{} {}: {detail}", row.method(), row.path());
        assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{} {}", row.method(), row.path());
        count += 1;
    }
    assert!(count >= 25, "only {count} operations");
}

#[tokio::test]
async fn nobody_passes_a_users_row_without_a_token() {
    let mut options = GatewayOptions::default();
    // Whoever fails so often is not even told that any more.
    options.allowances.public.burst = 10_000;
    let house = House::start_with(options).await;
    for row in rows().into_iter().filter(|row| row.class_of() == Some(Class::User)) {
        let (method, path) = (row.method().clone(), concrete(row.path()));
        for token in ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"] {
            let mut ask = house.anyone(method.clone(), &path).json(serde_json::json!({}));
            if !token.is_empty() {
                ask = ask.header("authorization", token);
            }
            let answer = ask.send().await;
            assert_eq!(answer.code(), "unauthenticated", "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[tokio::test]
async fn public_rows_need_no_token() {
    let house = House::start().await;
    for row in rows().into_iter().filter(|row| row.class_of() == Some(Class::Public)) {
        let answer = house.anyone(row.method().clone(), &concrete(row.path())).json(serde_json::json!({})).send().await;
        assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{} {}", row.method(), row.path());
    }
}

#[tokio::test]
async fn an_ended_session_is_refused() {
    let house = House::start().await;
    assert_eq!(house.get("/v1/users/me").await.status, StatusCode::OK);
    house.gateway.identities.ended().insert(crate::fakes::SESSION);
    assert_eq!(house.get("/v1/users/me").await.code(), "unauthenticated");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let house = House::start().await;
    for path in [
        "/",
        "/v1",
        "/v2/users",
        "/v1/users/me/",
        "/v1/friend-requests/x/:accept",
        "/v1/users/:lookup?username=bob",
        &format!("/v1/friend-requests/{ID}/accept"),
    ] {
        assert_eq!(house.get(path).await.code(), "not_found", "{path}");
    }
    let answer = house.post(&format!("/v1/friend-requests/{ID}:frobnicate"), serde_json::json!({})).await;
    assert_eq!(answer.code(), "not_found");

    for (method, path) in [
        (Method::DELETE, "/v1/users/me/privacy".to_owned()),
        (Method::GET, format!("/v1/friend-requests/{ID}:accept")),
        (Method::POST, "/healthz".to_owned()),
    ] {
        let answer = house.alice(method, &path).send().await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.code(), "unsupported", "{path}");
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
}

#[test]
fn the_table_is_complete() {
    assert_eq!(check(&table()), Ok(()));
}

#[test]
fn a_forgotten_class_fails_the_start() {
    let mut rows = table();
    rows.push(route(Method::PUT, "/v1/forgotten", "forgotten", async || ()).rate(Rate::Write));
    assert_eq!(check(&rows), Err(TableError::Unclassified("PUT /v1/forgotten".into())));
}

#[test]
fn a_forgotten_rate_fails_the_start() {
    let mut rows = table();
    rows.push(route(Method::PUT, "/v1/forgotten", "forgotten", async || ()).class(Class::User));
    assert_eq!(check(&rows), Err(TableError::Unlimited("PUT /v1/forgotten".into())));
}
