//! Registering, logging in, profiles, finding people.

use anser_client::http::LoginDevice;
use anser_tests::{PASSWORD, TestApp, code};
use anser_types::{Code, Id};

#[tokio::test]
async fn somebody_registers_logs_in_and_sees_their_profile() {
    let (app, alice) = TestApp::with_person("alice").await;
    let me = alice.client.profile().await.unwrap();
    assert_eq!((me.user_id, me.username, me.nickname.as_str()), (alice.id.to_vec(), alice.username.clone(), "alice"));

    let anonymous = app.anonymous();
    assert_eq!(code(anonymous.profile().await), Code::Unauthenticated);
}

#[tokio::test]
async fn a_nickname_is_the_user_name_where_none_is_given() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let name = format!("{}-b", alice.username);
    let bob = alice.client.fresh();
    bob.register(&name, PASSWORD, "").await.unwrap();
    bob.login(&name, PASSWORD, &LoginDevice::default()).await.unwrap();
    assert_eq!(bob.profile().await.unwrap().nickname, name);
}

#[tokio::test]
async fn names_that_look_alike_are_one_name() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let client = alice.client.fresh();
    let shouted = alice.username.to_uppercase();
    assert_eq!(code(client.register(&shouted, PASSWORD, "").await), Code::AlreadyExists);
    // Full-width letters are compatibility forms of the same letters.
    let wide = alice.username.replacen("alice", "ａｌｉｃｅ", 1);
    assert_eq!(code(client.register(&wide, PASSWORD, "").await), Code::AlreadyExists);
    client.login(&shouted, PASSWORD, &LoginDevice::default()).await.unwrap();
    assert_eq!(client.me().unwrap(), alice.id);
}

#[tokio::test]
async fn of_ten_who_want_a_name_at_once_one_gets_it() {
    let (app, alice) = TestApp::with_person("alice").await;
    let wanted = format!("{}-wanted", alice.username);
    let client = app.anonymous();
    let tries = (0..10).map(|_| client.register(&wanted, PASSWORD, ""));
    let outcomes = futures_util::future::join_all(tries).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.into_iter().all(|outcome| code(outcome) == Code::AlreadyExists));
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_look_alike() {
    let (app, alice) = TestApp::with_person("alice").await;
    let client = app.anonymous();
    let mut answers = Vec::new();
    for (name, password) in [(alice.username.as_str(), "wrong password"), ("nobody-has-this-name", PASSWORD)] {
        let error = client.login(name, password, &LoginDevice::default()).await.unwrap_err();
        let mut problem = error.problem().unwrap().clone();
        problem.request_id.clear();
        answers.push(problem);
    }
    assert_eq!(answers[0].code, "unauthenticated");
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn names_and_passwords_that_break_the_rules_are_refused_and_the_field_is_named() {
    let (app, _alice) = TestApp::with_person("alice").await;
    let client = app.anonymous();
    let long = "x".repeat(65);
    let names = ["", " ", " x", "x ", "a  b", "line\nbreak", "right\u{202e}left", "zero\u{200b}width", &long];
    for name in names {
        let error = client.register(name, PASSWORD, "").await.unwrap_err();
        assert_eq!(error.code(), Some(Code::InvalidArgument), "{name:?}");
        assert_eq!(error.problem().unwrap().fields[0].field, "username", "{name:?}");
    }
    for password in ["short", &"x".repeat(129)] {
        let error = client.register("a-fine-name", password, "").await.unwrap_err();
        assert_eq!(error.code(), Some(Code::InvalidArgument));
        assert_eq!(error.problem().unwrap().fields[0].field, "password");
        assert!(!error.to_string().contains(password), "a password stands in no answer");
    }
}

#[tokio::test]
async fn names_of_all_the_world_are_names() {
    let (app, alice) = TestApp::with_person("alice").await;
    let tail = &alice.username;
    for name in ["张三", "Ünïcödé", "two words", "👩‍👩‍👧"] {
        let name: String = format!("{name} {tail}");
        let client = app.anonymous();
        let id = client.register(&name, PASSWORD, "").await.unwrap();
        client.login(&name, PASSWORD, &LoginDevice::default()).await.unwrap();
        assert_eq!(client.find(&name).await.unwrap().user_id, id.to_vec(), "{name}");
    }
}

#[tokio::test]
async fn people_are_found_by_their_exact_name_and_seen_by_their_id() {
    let (app, alice) = TestApp::with_person("alice").await;
    let bob = app.person("bob").await;
    let found = alice.client.find(&bob.username).await.unwrap();
    assert_eq!((found.user_id.as_slice(), found.nickname.as_str()), (bob.id.as_bytes(), "bob"));
    assert_eq!(alice.client.user(bob.id).await.unwrap(), found);

    let part = &bob.username[..bob.username.len() - 1];
    assert_eq!(code(alice.client.find(part).await), Code::NotFound);
    let nobody = anser_types::UserId(Id::new(alice.client.clock()).0);
    assert_eq!(code(alice.client.user(nobody).await), Code::NotFound);
}

#[tokio::test]
async fn registering_twice_under_one_key_makes_one_account() {
    let (app, alice) = TestApp::with_person("alice").await;
    let name = format!("{}-once", alice.username);
    let client = app.anonymous();
    let body = serde_json::json!({ "username": name, "password": PASSWORD });
    let first: serde_json::Value = client.post_once("/v1/users", body.clone(), "my-key").await.unwrap();
    let again: serde_json::Value = client.post_once("/v1/users", body, "my-key").await.unwrap();
    assert_eq!(first, again);
}
