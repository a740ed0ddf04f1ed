//! `Idempotency-Key`: passed on where it is taken, refused where the answer is a secret.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{fakes::BOB, house::House};

#[tokio::test]
async fn a_key_is_passed_on_by_every_call_that_takes_one() {
    let house = House::start().await;
    let id = BOB.to_string();
    let calls = [
        (Method::POST, "/v1/users".to_owned(), json!({"username": "a", "password": "b"}), "register"),
        (Method::PATCH, "/v1/users/me".to_owned(), json!({"nickname": "Al"}), "update_profile"),
        (Method::PATCH, "/v1/users/me/privacy".to_owned(), json!({"find_me": "nobody"}), "update_privacy"),
        (Method::POST, "/v1/friend-requests".to_owned(), json!({"to_user_id": id}), "request_friend"),
        (Method::POST, format!("/v1/friend-requests/{id}:accept"), json!({}), "accept_request"),
        (Method::POST, format!("/v1/friend-requests/{id}:reject"), json!({}), "reject_request"),
        (Method::DELETE, format!("/v1/friends/{id}"), json!({}), "delete_friend"),
        (Method::PATCH, format!("/v1/friends/{id}"), json!({"remark": "Bobby"}), "update_friend"),
        (Method::POST, "/v1/friend-categories".to_owned(), json!({"name": "Swans"}), "create_category"),
        (Method::PATCH, format!("/v1/friend-categories/{id}"), json!({"name": "Swans"}), "rename_category"),
        (Method::DELETE, format!("/v1/friend-categories/{id}"), json!({}), "delete_category"),
        (Method::PUT, format!("/v1/blocks/{id}"), json!({}), "block"),
        (Method::DELETE, format!("/v1/blocks/{id}"), json!({}), "unblock"),
        (Method::POST, "/v1/conversations".to_owned(), json!({"title": "Geese"}), "create_group"),
        (Method::POST, "/v1/conversations".to_owned(), json!({"user_id": id}), "open_direct"),
        (Method::POST, format!("/v1/conversations/{id}:leave"), json!({}), "leave"),
        (Method::POST, format!("/v1/conversations/{id}/members"), json!({"user_ids": [id]}), "invite"),
        (Method::DELETE, format!("/v1/conversations/{id}/members/{id}"), json!({}), "remove_member"),
        (Method::PATCH, format!("/v1/conversations/{id}/members/{id}"), json!({"role": "admin"}), "change_role"),
        (Method::PATCH, format!("/v1/conversations/{id}"), json!({"title": "Ducks"}), "change_group"),
        (Method::POST, format!("/v1/conversations/{id}:transfer"), json!({"user_id": id}), "transfer_ownership"),
        (Method::POST, format!("/v1/conversations/{id}:dismiss"), json!({}), "dismiss_group"),
        (Method::POST, format!("/v1/conversations/{id}:mute"), json!({"for_ms": 1}), "mute"),
        (Method::POST, format!("/v1/conversations/{id}/members/{id}:mute"), json!({"for_ms": 1}), "mute"),
        (
            Method::PUT,
            format!("/v1/conversations/{id}/members/{id}/nickname"),
            json!({"nickname": "B"}),
            "set_member_nickname",
        ),
        (Method::POST, format!("/v1/conversations/{id}/links"), json!({}), "create_join_link"),
        (Method::POST, "/v1/join-links:join".to_owned(), json!({"code": "abc"}), "join_by_link"),
        (Method::POST, format!("/v1/conversations/{id}/join-requests/{id}:accept"), json!({}), "answer_join_request"),
        (Method::POST, format!("/v1/conversations/{id}/join-requests/{id}:reject"), json!({}), "answer_join_request"),
        (
            Method::PATCH,
            format!("/v1/conversations/{id}/messages/3"),
            json!({"content": {"text": {"text": "better"}}}),
            "edit",
        ),
        (Method::DELETE, format!("/v1/conversations/{id}/messages/3"), json!({}), "recall"),
        (Method::POST, format!("/v1/invitations/{id}:accept"), json!({}), "accept_invitation"),
        (Method::POST, format!("/v1/invitations/{id}:decline"), json!({}), "decline_invitation"),
        (
            Method::POST,
            "/v1/users:by-phone".to_owned(),
            json!({"phone": "+8613800138000", "code_id": id, "code": "123456"}),
            "register_by_phone",
        ),
        (Method::POST, "/v1/files".to_owned(), json!({}), "create_upload"),
        (Method::POST, "/v1/uploads".to_owned(), json!({"size": 1}), "create_upload"),
    ];
    let keyed = anser_gateway::http::table().iter().filter(|row| row.takes_key()).count();
    assert_eq!(keyed + 1, calls.len(), "create_conversation makes two calls, every other row one");
    for (method, path, body, name) in calls {
        let answer = house.alice(method, &path).header("idempotency-key", "once 1").json(body).send().await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        let request = house.fake.last(name).request;
        assert!(request.contains(r#"idempotency_key: "once 1""#), "{name}: {request}");
    }
}

#[tokio::test]
async fn a_key_has_a_shape() {
    let house = House::start().await;
    let body = json!({"username": "a", "password": "b"});
    for (key, good) in [("x", true), (&"x".repeat(64), true), (&"x".repeat(65), false), ("", false), ("a\tb", false)] {
        let answer =
            house.anyone(Method::POST, "/v1/users").header("idempotency-key", key).json(body.clone()).send().await;
        assert_eq!(answer.status == StatusCode::CREATED, good, "{key:?}");
    }
}

#[tokio::test]
async fn calls_that_deal_in_secrets_refuse_a_key() {
    let house = House::start().await;
    let id = BOB.to_string();
    for (method, path, body) in [
        (Method::POST, "/v1/sessions".to_owned(), json!({"username": "a", "password": "b"})),
        (Method::POST, "/v1/sessions:refresh".to_owned(), json!({"refresh_token": "r"})),
        (Method::DELETE, "/v1/sessions/current".to_owned(), json!({})),
        (Method::DELETE, format!("/v1/sessions/{id}"), json!({})),
        (Method::POST, "/v1/ws-tickets".to_owned(), json!({})),
        (Method::PUT, "/v1/users/me/password".to_owned(), json!({"old_password": "a", "new_password": "b"})),
        (Method::DELETE, "/v1/users/me".to_owned(), json!({"password": "a"})),
        (Method::POST, "/v1/phone-codes".to_owned(), json!({"phone": "+1", "purpose": "account"})),
        (Method::POST, "/v1/users/me/phone-codes".to_owned(), json!({"phone": "+1"})),
        (Method::POST, "/v1/sessions:by-phone".to_owned(), json!({"phone": "+1", "code_id": id, "code": "123456"})),
        (Method::PUT, "/v1/users/me/phone".to_owned(), json!({"phone": "+1", "code_id": id, "code": "123456"})),
        (
            Method::POST,
            "/v1/password-resets".to_owned(),
            json!({"phone": "+1", "code_id": id, "code": "123456", "new_password": "a"}),
        ),
    ] {
        let answer = house.alice(method, &path).header("idempotency-key", "k").json(body).send().await;
        assert_eq!(answer.problem()["fields"][0]["field"], "Idempotency-Key", "{path}");
    }
}
