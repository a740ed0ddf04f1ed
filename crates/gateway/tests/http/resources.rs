//! What each resource answers.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    fakes::{ALICE, BOB, CLOSED, SESSION},
    house::House,
};

fn id(byte: u8) -> String {
    anser_types::UserId([byte; 16]).to_string()
}

#[tokio::test]
async fn people_register_log_in_and_find_each_other() {
    let house = House::start().await;
    let ask = house.anyone(Method::POST, "/v1/users").json(json!({"username": "alice", "password": "secret"}));
    let answer = ask.send().await;
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, json!({"user_id": ALICE.to_string()})));

    let ask = house.anyone(Method::POST, "/v1/sessions").json(json!({"username": "alice", "password": "secret"}));
    assert_eq!(ask.send().await.json()["access_token"], "access");

    assert_eq!(house.get("/v1/users/me").await.json()["username"], "alice");
    assert_eq!(house.get(&format!("/v1/users/{BOB}")).await.json()["nickname"], "Bob");
    assert_eq!(house.get(&format!("/v1/users/{}", id(44))).await.code(), "not_found");
    assert_eq!(house.get("/v1/users:lookup?username=bob").await.json()["user_id"], BOB.to_string());
    assert_eq!(house.get("/v1/users%3Alookup?username=bob").await.json()["user_id"], BOB.to_string());
    assert!(house.fake.last("find_person").request.contains("\"bob\""));
}

#[tokio::test]
async fn people_change_their_profile_and_who_may_find_them() {
    let house = House::start().await;
    let answer = house.alice(Method::PATCH, "/v1/users/me").json(json!({"signature": "on the wing"})).send().await;
    assert_eq!(answer.json()["signature"], "on the wing");
    assert!(house.fake.last("update_profile").request.contains("nickname: None"));
    assert_eq!(house.get("/v1/users/me/privacy").await.json()["find_me"], "nobody");
    let path = "/v1/users/me/privacy";
    let answer = house.alice(Method::PATCH, path).json(json!({"presence": "nobody"})).send().await;
    assert_eq!(answer.json()["presence"], "nobody");
    let answer = house.alice(Method::PATCH, path).json(json!({"presence": "cats"})).send().await;
    assert_eq!(answer.problem()["fields"][0]["field"], "presence");
}

#[tokio::test]
async fn people_look_which_friends_are_online() {
    let house = House::start().await;
    let seen = house.get(&format!("/v1/presence?user_ids={BOB},{}", id(44))).await.json();
    assert_eq!(seen["items"], json!([{"user_id": BOB.to_string(), "online": true, "last_seen_at": 0}]));
    let refused = house.get("/v1/presence?user_ids=bob").await.problem();
    assert_eq!((&refused["code"], &refused["fields"][0]["field"]), (&json!("invalid_argument"), &json!("user_ids")));
    let members = house.get(&format!("/v1/conversations/{}/members", id(8))).await.json();
    assert_eq!(members["items"][0]["presence"]["online"], true);
}

#[tokio::test]
async fn people_do_by_phone_what_they_do_by_name() {
    let house = House::start().await;
    let shown = json!({"phone": "+8613800138000", "code_id": BOB.to_string(), "code": "012345"});
    let with = |name: &str, value: &str| {
        let mut shown = shown.clone();
        shown[name] = value.into();
        shown
    };
    let body = json!({"phone": "+8613800138000", "purpose": "reset_password"});
    let answer = house.post("/v1/phone-codes", body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["resend_at"], 8);
    assert!(house.fake.last("request_code").request.contains("purpose: ResetPassword"));
    let foreign = json!({"phone": "+8613800138000", "purpose": "change_phone"});
    assert_eq!(house.post("/v1/phone-codes", foreign).await.code(), "invalid_argument");
    let ask = house.alice(Method::POST, "/v1/users/me/phone-codes").json(json!({"phone": "+8613800138000"}));
    assert_eq!(ask.send().await.status, StatusCode::CREATED);
    assert!(house.fake.last("request_code").request.contains("purpose: ChangePhone"));

    assert_eq!(house.post("/v1/users:by-phone", with("username", "alice")).await.status, StatusCode::CREATED);
    assert!(house.fake.last("register_by_phone").request.contains("username: \"alice\""));
    assert_eq!(
        house.post("/v1/sessions:by-phone", with("device_name", "Alice’s")).await.json()["access_token"],
        "access"
    );
    assert!(house.fake.last("login_by_phone").request.contains("kind: Tokens"));
    let answer = house.post("/v1/password-resets", with("new_password", "something new")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let answer = house.alice(Method::PUT, "/v1/users/me/phone").json(shown.clone()).send().await;
    assert_eq!(answer.json()["phone"], "+8613800138000");
    assert_eq!(
        house.post("/v1/sessions:by-phone", with("code_id", "x")).await.problem()["fields"][0]["field"],
        "code_id"
    );

    for query in ["phone=%2B8613800138000", "phone=+8613800138000"] {
        house.get(&format!("/v1/users:lookup?{query}")).await;
        assert!(house.fake.last("find_person").request.contains("phone: \"+8613800138000\""), "{query}");
    }
    for query in ["", "phone=%2B86&username=a"] {
        assert_eq!(house.get(&format!("/v1/users:lookup?{query}")).await.code(), "invalid_argument", "{query}");
    }
}

#[tokio::test]
async fn sessions_are_listed_ended_and_refreshed() {
    let house = House::start().await;
    let list = house.get("/v1/sessions").await.json();
    assert_eq!(list["items"][0]["session_id"], SESSION.to_string());
    assert_eq!(list["next_cursor"], "");

    assert_eq!(house.alice(Method::DELETE, "/v1/sessions/current").send().await.status, StatusCode::NO_CONTENT);
    let current = house.fake.last("end_session").request;
    house.alice(Method::DELETE, &format!("/v1/sessions/{SESSION}")).send().await;
    assert_eq!(house.fake.last("end_session").request, current);

    let ask = house.anyone(Method::POST, "/v1/sessions:refresh").json(json!({"refresh_token": "ar_x"}));
    assert_eq!(ask.send().await.status, StatusCode::OK);
    let answer = house.alice(Method::POST, "/v1/ws-tickets").send().await;
    assert_eq!((answer.status, answer.json()["ticket"].as_str()), (StatusCode::CREATED, Some("at_x")));
}

#[tokio::test]
async fn friend_requests_come_with_both_people() {
    let house = House::start().await;
    let answer = house.post("/v1/friend-requests", json!({"to_user_id": BOB.to_string(), "message": "hi"})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let view = answer.json();
    assert_eq!(view["request"]["state"], "pending");
    assert_eq!((&view["from"]["nickname"], &view["to"]["nickname"]), (&json!("Alice"), &json!("Bob")));

    let list = house.get("/v1/friend-requests?direction=sent&limit=3").await.json();
    assert_eq!(list["next_cursor"], "more");
    let request = house.fake.last("list_requests").request;
    assert!(request.contains("sent: true") && request.contains("limit: 3"), "{request}");
    assert_eq!(house.get("/v1/friend-requests?direction=up").await.code(), "invalid_argument");

    let path = format!("/v1/friend-requests/{}", id(5));
    assert_eq!(house.get(&path).await.json()["request"]["request_id"], id(5));
    assert_eq!(house.post(&format!("{path}:accept"), json!({})).await.json()["request"]["state"], "accepted");
    assert_eq!(house.post(&format!("{path}:reject"), json!({})).await.json()["request"]["state"], "rejected");
}

#[tokio::test]
async fn what_is_found_comes_with_a_snippet_and_says_whether_there_may_be_more() {
    let house = House::start().await;
    let path = format!("/v1/search/messages?q=%E9%9B%81&conversation_id={}&type=file&order=best&limit=3", id(6));
    let found = house.get(&path).await.json();
    assert_eq!((&found["items"][0]["snippet"], &found["degraded"]), (&json!("hello"), &json!(true)));
    assert_eq!(found["items"][0]["highlights"], json!([{"from": 0, "until": 5}]));
    let request = house.fake.last("search_messages").request;
    assert!(request.contains("雁") && request.contains("limit: 3") && request.contains("type: File"), "{request}");
    for wrong in ["type=song", "order=oldest", "conversation_id=what", "sender_id=who"] {
        assert_eq!(house.get(&format!("/v1/search/messages?q=a&{wrong}")).await.code(), "invalid_argument", "{wrong}");
    }
    assert_eq!(house.get("/v1/search/messages").await.code(), "invalid_argument");
    assert_eq!(house.get("/v1/search/users?q=bob").await.json()["items"][0]["nickname"], "Bob");
}

#[tokio::test]
async fn friends_come_with_their_profiles() {
    let house = House::start().await;
    let friend = house.get("/v1/friends").await.json()["items"][0].clone();
    assert_eq!((&friend["friend"]["since_at"], &friend["profile"]["nickname"]), (&json!(5), &json!("Bob")));
    let answer = house.alice(Method::DELETE, &format!("/v1/friends/{BOB}")).send().await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
}

#[tokio::test]
async fn friends_are_noted_about_and_sorted() {
    let house = House::start().await;
    let path = format!("/v1/friends/{BOB}");
    let answer = house.alice(Method::PATCH, &path).json(json!({"remark": "Bobby", "category_id": id(6)})).send().await;
    assert_eq!(
        (&answer.json()["friend"]["remark"], &answer.json()["profile"]["nickname"]),
        (&json!("Bobby"), &json!("Bob"))
    );
    assert_eq!(answer.json()["friend"]["category_id"], id(6));
    house.alice(Method::PATCH, &path).json(json!({"category_id": ""})).send().await;
    let request = house.fake.last("update_friend").request;
    assert!(
        request.contains("remark: None") && request.contains("category: Some(InCategory { category_id: [] })"),
        "{request}"
    );
    let answer = house.alice(Method::PATCH, &path).json(json!({"category_id": "what"})).send().await;
    assert_eq!(answer.problem()["fields"][0]["field"], "category_id");

    assert_eq!(house.get("/v1/friend-categories").await.json()["items"][0]["name"], "Geese");
    let answer = house.post("/v1/friend-categories", json!({"name": "Swans"})).await;
    assert_eq!((answer.status, answer.json()["name"].clone()), (StatusCode::CREATED, json!("Swans")));
    let path = format!("/v1/friend-categories/{}", id(6));
    assert_eq!(house.alice(Method::PATCH, &path).json(json!({"name": "Ducks"})).send().await.json()["name"], "Ducks");
    assert_eq!(house.alice(Method::DELETE, &path).send().await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn people_are_blocked_listed_and_unblocked() {
    let house = House::start().await;
    let list = house.get("/v1/blocks?limit=1").await.json();
    assert_eq!((&list["items"][0]["profile"]["nickname"], &list["next_cursor"]), (&json!("Bob"), &json!("more")));
    let path = format!("/v1/blocks/{BOB}");
    let answer = house.alice(Method::PUT, &path).send().await;
    assert_eq!((answer.status, answer.json()["block"]["user_id"].clone()), (StatusCode::OK, json!(BOB.to_string())));
    assert_eq!(house.alice(Method::DELETE, &path).send().await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn one_call_gives_an_opening_screen() {
    let house = House::start().await;
    let page = house.get("/v1/conversations").await.json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items[0]["title"], "Bob");
    assert_eq!(items[0]["avatar"], "Bob.png");
    assert_eq!(items[0]["peer"]["username"], "bob");
    assert_eq!((&items[0]["kind"], &items[0]["unread"]), (&json!("direct"), &json!(3)));
    assert_eq!(items[0]["last_message"]["seq"], 7);
    assert_eq!((&items[1]["kind"], &items[1]["title"]), (&json!("group"), &json!("Geese")));
    assert!(items[1].get("peer").is_none());
    // The account of this one's other person no longer exists.
    assert!(items[2].get("peer").is_none());
    assert_eq!(house.fake.calls("get_users").len(), 1, "one call for all names of a page");
}

#[tokio::test]
async fn conversations_are_made_looked_at_and_left() {
    let house = House::start().await;
    let answer = house.post("/v1/conversations", json!({"title": "Geese", "member_ids": [BOB.to_string()]})).await;
    assert_eq!((answer.status, answer.json()["title"].clone()), (StatusCode::CREATED, json!("Geese")));
    let answer = house.post("/v1/conversations", json!({"user_id": BOB.to_string()})).await;
    assert_eq!(answer.json()["peer"]["nickname"], "Bob");
    let answer = house.post("/v1/conversations", json!({"user_id": BOB.to_string(), "title": "both"})).await;
    assert_eq!(answer.code(), "invalid_argument");

    let path = format!("/v1/conversations/{}", id(7));
    assert_eq!(house.get(&path).await.json()["conversation_id"], id(7));
    let answer = house.alice(Method::PUT, &format!("{path}/read")).json(json!({"read_seq": 9})).send().await;
    assert_eq!(answer.json(), json!({"conversation_id": id(7), "read_seq": 9, "unread": 0}));
    assert_eq!(house.post(&format!("{path}:leave"), json!({})).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn members_and_invitations() {
    let house = House::start().await;
    let path = format!("/v1/conversations/{}/members", id(8));
    let member = house.get(&path).await.json()["items"][0].clone();
    assert_eq!((&member["role"], &member["profile"]["nickname"]), (&json!("admin"), &json!("Bob")));
    let answer = house.post(&path, json!({"user_ids": [BOB.to_string()]})).await;
    assert_eq!(answer.json()["joined"], json!([BOB.to_string()]));

    let path = format!("{path}/{BOB}");
    let answer = house.alice(Method::PATCH, &path).json(json!({"role": "admin"})).send().await;
    assert_eq!(answer.json()["role"], "admin");
    let answer = house.alice(Method::PATCH, &path).json(json!({"role": "emperor"})).send().await;
    assert_eq!(answer.problem()["fields"][0]["field"], "role");
    assert_eq!(house.alice(Method::DELETE, &path).send().await.status, StatusCode::NO_CONTENT);

    let invitation = house.get("/v1/invitations").await.json()["items"][0].clone();
    assert_eq!(invitation["inviter"]["nickname"], "Bob");
    let path = format!("/v1/invitations/{}", id(8));
    assert_eq!(house.post(&format!("{path}:accept"), json!({})).await.json()["title"], "Geese");
    assert_eq!(house.post(&format!("{path}:decline"), json!({})).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_send_is_acknowledged_or_refused() {
    let house = House::start().await;
    let message = json!({"client_msg_id": id(3), "content": {"text": {"text": "hello"}}});
    let answer = house.post(&format!("/v1/conversations/{}/messages", id(7)), message.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(
        answer.json(),
        json!({"client_msg_id": id(3), "conversation_id": id(7), "seq": 11, "server_ts": 0, "dup": false})
    );
    assert!(house.fake.last("append").request.contains("hello"));
    let answer = house.post(&format!("/v1/conversations/{}/messages", id(CLOSED)), message).await;
    assert_eq!(answer.code(), "not_allowed");
    let answer = house.post(&format!("/v1/conversations/{}/messages", id(7)), json!({"content": {}})).await;
    assert_eq!(answer.code(), "invalid_argument");
}

#[tokio::test]
async fn history_is_paged_both_ways_and_by_time() {
    let house = House::start().await;
    let path = format!("/v1/conversations/{}/messages", id(7));
    let answer = house.get(&format!("{path}?before_seq=9&after_seq=2&from_at=100&until_at=200&limit=10")).await;
    assert_eq!(answer.json()["has_more"], true);
    let seqs: Vec<_> = answer.json()["items"].as_array().unwrap().iter().map(|entry| entry["seq"].as_i64()).collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(3)]);
    let request = house.fake.last("history").request;
    for part in ["before_seq: 9", "after_seq: 2", "from_at: 100", "until_at: 200", "limit: 10"] {
        assert!(request.contains(part), "{request}");
    }
}

#[tokio::test]
async fn devices_sync() {
    let house = House::start().await;
    let heads = house.get("/v1/sync/heads?token=t1&limit=20").await.json();
    assert_eq!((&heads["items"][0]["head_seq"], &heads["next_token"]), (&json!(4), &json!("t2")));
    assert!(house.fake.last("heads").request.contains("limit: 20"));

    let page = house.get(&format!("/v1/sync/conversation?conversation_id={}&after_seq=5", id(7))).await;
    assert_eq!(page.json()["next_seq"], 6);
    let page = house.get(&format!("/v1/sync/conversation?conversation_id={}", id(CLOSED))).await;
    assert_eq!(page.code(), "not_allowed");

    let wanted = json!({"items": [{"conversation_id": id(7), "after_seq": 1}, {"conversation_id": id(CLOSED)}]});
    let results = house.post("/v1/sync/conversations", wanted).await.json();
    assert_eq!(results["items"][0]["page"]["next_seq"], 2);
    assert_eq!(results["items"][1]["error"]["code"], "not_allowed");
    let many = json!({"items": vec![json!({"conversation_id": id(7)}); 101]});
    assert_eq!(house.post("/v1/sync/conversations", many).await.problem()["fields"][0]["field"], "items");
}
