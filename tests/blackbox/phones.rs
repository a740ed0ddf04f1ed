//! Phone codes, and what people do with them.

use anser_client::{Client, http::LoginDevice, v1::TokenReply};
use anser_tests::{PASSWORD, TestApp, code, until};
use anser_types::{Code, UserId};
use reqwest::Method;
use serde_json::{Value, json};

/// Registers with a code; answers the new person's id.
async fn register(client: &Client, shown: Value) -> anser_client::Result<UserId> {
    let reply: Value = client.post("/v1/users:by-phone", shown).await?;
    Ok(reply["user_id"].as_str().unwrap().parse().unwrap())
}

async fn log_in(client: &Client, shown: Value) -> anser_client::Result<()> {
    let tokens: TokenReply = client.post("/v1/sessions:by-phone", shown).await?;
    client.set_tokens(Some(tokens));
    Ok(())
}

async fn reset(client: &Client, mut shown: Value, new_password: &str) -> anser_client::Result<()> {
    shown["new_password"] = new_password.into();
    client.post::<Value>("/v1/password-resets", shown).await.map(drop)
}

async fn change(client: &Client, shown: Value) -> anser_client::Result<()> {
    client.put::<Value>("/v1/users/me/phone", shown).await.map(drop)
}

/// Somebody who has a phone and nothing else.
async fn somebody(app: &TestApp, phone: &str) -> (UserId, Client) {
    let client = app.anonymous();
    let id = register(&client, app.code(&client, phone, "account").await.unwrap()).await.unwrap();
    log_in(&client, app.code(&client, phone, "account").await.unwrap()).await.unwrap();
    (id, client)
}

fn wrong(shown: &Value) -> Value {
    let right: u32 = shown["code"].as_str().unwrap().parse().unwrap();
    let mut shown = shown.clone();
    shown["code"] = format!("{:06}", (right + 1) % 1_000_000).into();
    shown
}

#[tokio::test]
async fn somebody_registers_by_phone_logs_in_and_sees_their_number() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let phone = app.phone();
    let (id, client) = somebody(&app, &phone).await;
    let me = client.profile().await.unwrap();
    assert_eq!((me.user_id, me.phone), (id.to_vec(), phone.clone()));
    assert_eq!((me.username, me.nickname), (id.to_string(), id.to_string()), "nobody else has it");

    // The same number, written otherwise.
    let spaced = format!("{} {}-{}", &phone[..3], &phone[3..6], &phone[6..]);
    let sent: Value = client.post("/v1/phone-codes", json!({ "phone": spaced, "purpose": "account" })).await.unwrap();
    let digits = app.codes_sent_to(&phone).pop().unwrap().1;
    let again = app.anonymous();
    log_in(&again, json!({ "phone": spaced, "code_id": sent["code_id"], "code": digits })).await.unwrap();
    assert_eq!(again.me().unwrap(), id);
}

#[tokio::test]
async fn a_name_and_a_password_may_come_with_it_and_a_repeat_makes_nobody_else() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let (client, phone) = (app.anonymous(), app.phone());
    let mut shown = app.code(&client, &phone, "account").await.unwrap();
    for (name, value) in [("username", "ada by phone"), ("nickname", "Ada"), ("password", PASSWORD)] {
        shown[name] = value.into();
    }
    let first: Value = client.post_once("/v1/users:by-phone", shown.clone(), "key").await.unwrap();
    let again: Value = client.post_once("/v1/users:by-phone", shown, "key").await.unwrap();
    assert_eq!(first, again);
    client.login("Ada by phone", PASSWORD, &LoginDevice::default()).await.unwrap();
    assert_eq!(client.profile().await.unwrap().nickname, "Ada");
}

#[tokio::test]
async fn wrong_used_and_foreign_codes_open_nothing_and_look_alike() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let phone = app.phone();
    let (_, client) = somebody(&app, &phone).await;
    let anybody = app.anonymous();
    let shown = app.code(&anybody, &phone, "account").await.unwrap();
    let other = app.code(&anybody, &app.phone(), "account").await.unwrap();
    let for_reset = app.code(&anybody, &phone, "reset_password").await.unwrap();
    let used = app.code(&anybody, &phone, "account").await.unwrap();
    log_in(&anybody.fresh(), used.clone()).await.unwrap();
    let mut foreign = other.clone();
    foreign["phone"] = phone.clone().into();
    let mut unknown = shown.clone();
    unknown["code_id"] = other["code_id"].clone();

    let mut answers = Vec::new();
    for tried in [wrong(&shown), used, foreign, for_reset, unknown] {
        let error = log_in(&anybody, tried).await.unwrap_err();
        let mut problem = error.problem().unwrap().clone();
        problem.request_id.clear();
        answers.push(problem);
    }
    assert_eq!(answers[0].code, "unauthenticated");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // Somebody else's tries burned nothing.
    log_in(&anybody, shown).await.unwrap();

    let shown = app.code(&client, &phone, "account").await.unwrap();
    for _ in 0..5 {
        assert_eq!(code(log_in(&anybody, wrong(&shown)).await), Code::Unauthenticated);
    }
    assert_eq!(code(log_in(&anybody, shown).await), Code::Unauthenticated, "five tries are all");
}

#[tokio::test]
async fn a_late_code_opens_nothing() {
    let Some(app) = TestApp::start_with(&["sms.code_s=1"]).await else { return };
    let client = app.anonymous();
    let shown = app.code(&client, &app.phone(), "account").await.unwrap();
    let expires_at = shown["expires_at"].as_i64().unwrap();
    until("its time is over", || std::future::ready(client.clock().now() > expires_at + 100)).await;
    assert_eq!(code(register(&client, shown).await), Code::Unauthenticated);
}

#[tokio::test]
async fn only_a_right_code_is_told_whose_the_number_is() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let (client, known, unknown) = (app.anonymous(), app.phone(), app.phone());
    somebody(&app, &known).await;
    let mut answers = Vec::new();
    for phone in [&known, &unknown] {
        let body = json!({ "phone": phone, "purpose": "account" });
        let answer = client.call(Method::POST, "/v1/phone-codes", Some(&body), &[]).await.unwrap();
        let fields: Vec<_> = answer.value().unwrap().as_object().unwrap().keys().cloned().collect();
        answers.push((answer.status, fields));
        let shown = app.code(&client, phone, "account").await.unwrap();
        assert_eq!(code(register(&client, wrong(&shown)).await), Code::Unauthenticated);
        assert_eq!(code(log_in(&client, wrong(&shown)).await), Code::Unauthenticated);
        let shown = app.code(&client, phone, "reset_password").await.unwrap();
        assert_eq!(code(reset(&client, wrong(&shown), PASSWORD).await), Code::Unauthenticated);
    }
    assert_eq!(answers[0], answers[1]);
    let shown = app.code(&client, &known, "account").await.unwrap();
    assert_eq!(code(register(&client, shown.clone()).await), Code::AlreadyExists);
    log_in(&client, shown).await.unwrap();
    let shown = app.code(&client, &unknown, "account").await.unwrap();
    assert_eq!(code(log_in(&client, shown.clone()).await), Code::NotFound);
    register(&client, shown).await.unwrap();
}

#[tokio::test]
async fn of_ten_who_register_one_number_at_once_one_does() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let (client, phone) = (app.anonymous(), app.phone());
    let mut shown = Vec::new();
    for _ in 0..10 {
        shown.push(app.code(&client, &phone, "account").await.unwrap());
    }
    let tries = shown.into_iter().map(|shown| register(&client, shown));
    let outcomes = futures_util::future::join_all(tries).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.into_iter().all(|outcome| code(outcome) == Code::AlreadyExists));
}

#[tokio::test]
async fn a_number_is_changed_seen_by_its_owner_only_and_found_where_that_is_allowed() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let eve = app.person("eve").await;
    let (phone, newer) = (app.phone(), app.phone());
    let version = alice.client.profile().await.unwrap().version;
    let shown = app.code(&alice.client, &phone, "change_phone").await.unwrap();
    assert_eq!(code(change(&eve.client, shown.clone()).await), Code::Forbidden, "it was sent for somebody else");
    assert_eq!(code(change(&alice.client, wrong(&shown)).await), Code::Forbidden);
    change(&alice.client, shown.clone()).await.unwrap();
    assert_eq!(code(change(&alice.client, shown).await), Code::Forbidden, "good once");
    let me = alice.client.profile().await.unwrap();
    assert_eq!((me.phone.clone(), me.version), (phone.clone(), version + 1));
    let synced: Value = alice.client.get("/v1/sync/me", &[]).await.unwrap();
    assert!(synced.to_string().contains(&phone));

    let find =
        async |by: &Client, phone: &str| by.get::<Value>("/v1/users:lookup", &[("phone", phone.to_owned())]).await;
    let found = find(&eve.client, &phone).await.unwrap();
    assert_eq!(found["user_id"], alice.id.to_string());
    let unescaped = eve.client.get::<Value>(&format!("/v1/users:lookup?phone={phone}"), &[]).await.unwrap();
    assert_eq!(unescaped, found);
    for by in [&eve, &bob] {
        for path in [format!("/v1/users/{}", alice.id), "/v1/friends".into(), "/v1/sync/me".into()] {
            let heard: Value = by.client.get(&path, &[]).await.unwrap();
            assert!(!heard.to_string().contains(&phone[3..]), "{path}: {heard}");
        }
        assert!(!find(&by.client, &phone).await.unwrap().to_string().contains(&phone[3..]));
    }
    alice.client.patch::<Value>("/v1/users/me/privacy", json!({ "find_me": "nobody" })).await.unwrap();
    assert_eq!(code(find(&eve.client, &phone).await), Code::NotFound);
    assert_eq!(find(&bob.client, &phone).await.unwrap()["user_id"], alice.id.to_string());
    assert_eq!(code(find(&eve.client, "12").await), Code::NotFound);
    assert_eq!(code(eve.client.get::<Value>("/v1/users:lookup", &[]).await), Code::InvalidArgument);

    // A number that was given up is free, one that is somebody's is not.
    let shown = app.code(&eve.client, &phone, "change_phone").await.unwrap();
    assert_eq!(code(change(&eve.client, shown).await), Code::AlreadyExists);
    let shown = app.code(&alice.client, &newer, "change_phone").await.unwrap();
    change(&alice.client, shown).await.unwrap();
    let shown = app.code(&eve.client, &phone, "change_phone").await.unwrap();
    change(&eve.client, shown).await.unwrap();
    let anybody = app.anonymous();
    log_in(&anybody, app.code(&anybody, &newer, "account").await.unwrap()).await.unwrap();
    assert_eq!(anybody.me().unwrap(), alice.id);
}

#[tokio::test]
async fn other_devices_hear_of_a_changed_number() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let alice = app.person("alice").await;
    let device = alice.on_another_device().await.online().await;
    let phone = app.phone();
    let shown = app.code(&alice.client, &phone, "change_phone").await.unwrap();
    change(&alice.client, shown).await.unwrap();
    device.hears("the changed profile", |event| format!("{event:?}").contains(&phone).then_some(())).await;
}

#[tokio::test]
async fn a_reset_sets_the_first_password_or_another_one_and_ends_every_session() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let phone = app.phone();
    let (id, client) = somebody(&app, &phone).await;
    let body = json!({ "old_password": "", "new_password": PASSWORD });
    assert_eq!(code(client.put::<Value>("/v1/users/me/password", body).await), Code::Forbidden, "there is none");
    assert_eq!(code(app.anonymous().login(&id.to_string(), "", &LoginDevice::default()).await), Code::Unauthenticated);
    for password in [PASSWORD, "something new"] {
        let shown = app.code(&app.anonymous(), &phone, "reset_password").await.unwrap();
        assert_eq!(code(reset(&app.anonymous(), shown.clone(), "short").await), Code::InvalidArgument);
        reset(&app.anonymous(), shown.clone(), password).await.unwrap();
        assert_eq!(code(reset(&app.anonymous(), shown, password).await), Code::Unauthenticated, "good once");
        until("the session has ended", || async { client.profile().await.is_err() }).await;
        assert_eq!(code(client.profile().await), Code::Unauthenticated);
        client.login(&id.to_string(), password, &LoginDevice::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_account_frees_its_number() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let phone = app.phone();
    let (id, client) = somebody(&app, &phone).await;
    reset(&app.anonymous(), app.code(&client, &phone, "reset_password").await.unwrap(), PASSWORD).await.unwrap();
    client.login(&id.to_string(), PASSWORD, &LoginDevice::default()).await.unwrap();
    let body = json!({ "password": PASSWORD });
    let answer = client.call(Method::DELETE, "/v1/users/me", Some(&body), &[]).await.unwrap();
    assert_eq!(answer.status, 204);
    let (other, client) = somebody(&app, &phone).await;
    assert_ne!(other, id);
    assert_eq!(client.profile().await.unwrap().phone, phone);
}

#[tokio::test]
async fn codes_are_limited_for_a_number_an_address_and_a_day() {
    let settings = ["sms.cooldown_s=60", "sms.codes_per_minute_per_ip=4", "sms.codes_per_day=3"];
    let Some(app) = TestApp::start_with(&settings).await else { return };
    let (client, phone) = (app.anonymous(), app.phone());
    app.code(&client, &phone, "account").await.unwrap();
    let body = json!({ "phone": phone, "purpose": "reset_password" });
    let refused = client.call(Method::POST, "/v1/phone-codes", Some(&body), &[]).await.unwrap();
    assert_eq!(refused.problem().unwrap().code, "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(app.codes_sent_to(&phone).len(), 1);
    for _ in 0..2 {
        app.code(&client, &app.phone(), "account").await.unwrap();
    }
    let error = app.code(&client, &app.phone(), "account").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::RateLimited), "the fifth from one address");

    let settings = ["sms.codes_per_day=3"];
    let Some(app) = TestApp::start_with(&settings).await else { return };
    for _ in 0..3 {
        app.code(&app.anonymous(), &app.phone(), "account").await.unwrap();
    }
    let error = app.code(&app.anonymous(), &app.phone(), "account").await.unwrap_err();
    assert!(error.retry_after_ms().is_some_and(|after| after <= 86_400_000), "{error}");
}

#[tokio::test]
async fn numbers_that_are_none_and_countries_that_are_not_served_are_refused() {
    let Some(app) = TestApp::start_with(&[]).await else { return };
    let client = app.anonymous();
    for phone in ["", "13912345678", "+86139", "+8613912345678;ext=1", "+861065529988", "hello", &"+".repeat(300)] {
        let error = app.code(&client, phone, "account").await.unwrap_err();
        assert_eq!(error.code(), Some(Code::InvalidArgument), "{phone}");
        assert_eq!(error.problem().unwrap().fields[0].field, "phone", "{phone}");
    }
    assert_eq!(code(app.code(&client, "+447400123456", "account").await), Code::Unsupported);
    let body = json!({ "phone": app.phone(), "purpose": "change_phone" });
    assert_eq!(code(client.post::<Value>("/v1/phone-codes", body).await), Code::InvalidArgument);
}

#[tokio::test]
async fn codes_stand_in_a_file_for_its_owner_only_and_in_no_log() {
    use std::os::unix::fs::PermissionsExt;
    let Some(app) = TestApp::start_with(&[]).await else { return };
    app.code(&app.anonymous(), &app.phone(), "account").await.unwrap();
    let mode = std::fs::metadata(app.store_dir().join("sms-outbox.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
