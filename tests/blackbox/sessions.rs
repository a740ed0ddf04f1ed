//! Sessions: several devices, the end of one, tokens that rotate, tickets.

use std::time::Duration;

use anser_client::{Client, Error, Hello, SocketOptions, http::LoginDevice, socket::Socket};
use anser_tests::{PASSWORD, Person, TestApp, code, within};
use anser_types::{Code, SessionId};
use reqwest::Method;

const ONE_SECOND: Duration = Duration::from_secs(1);

fn session_of(person: &Person) -> SessionId {
    SessionId::try_from(&person.client.tokens().unwrap().session_id[..]).unwrap()
}

/// Access token, open sockets and refresh token of a session must all be of no use any more.
async fn assert_ended(person: &Person) {
    within(ONE_SECOND, "the access token is refused", async {
        while person.client.profile().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(code(person.client.profile().await), Code::Unauthenticated);
    assert_eq!(
        code(person.client.refresh_with(&person.client.tokens().unwrap().refresh_token).await),
        Code::Unauthenticated
    );
    match Socket::open(&person.client, None, SocketOptions::default()).await {
        Err(Error::Closed(closed)) => assert!(matches!(closed.code, Some(4401 | 4410)), "{closed:?}"),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("a socket was opened with the token of an ended session"),
    }
}

#[tokio::test]
async fn sessions_are_listed_with_their_devices() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let phone = alice.client.fresh();
    let device = LoginDevice { name: "my phone".into(), platform: "android".into(), ..LoginDevice::default() };
    phone.login(&alice.username, PASSWORD, &device).await.unwrap();

    let listed = phone.sessions().await.unwrap();
    assert_eq!(listed.len(), 2);
    let names: Vec<_> = listed.iter().map(|session| (session.device_name.as_str(), session.current)).collect();
    assert_eq!(names, [("my phone", true), ("", false)], "newest first");
    assert_eq!(listed[0].platform, "android");
}

#[tokio::test]
async fn logging_out_ends_everything_within_a_second() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let other = alice.on_another_device().await;
    let (device, unaffected) = (alice.online().await, other.online().await);
    alice.client.logout().await.unwrap();
    assert_eq!(device.ends_within(ONE_SECOND).await.code, Some(4410));
    assert_ended(&alice).await;
    other.client.profile().await.unwrap();
    unaffected.socket.ping().await.unwrap();
}

#[tokio::test]
async fn a_device_can_be_thrown_out_from_another() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let lost = alice.on_another_device().await;
    let device = lost.online().await;
    alice.client.end_session(session_of(&lost)).await.unwrap();
    assert_eq!(device.ends_within(ONE_SECOND).await.code, Some(4410));
    assert_ended(&lost).await;
    assert_eq!(alice.client.sessions().await.unwrap().len(), 1);
    // Ending it again is no error.
    alice.client.end_session(session_of(&lost)).await.unwrap();
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session() {
    let (app, alice) = TestApp::with_person("alice").await;
    let bob = app.person("bob").await;
    assert_eq!(code(bob.client.end_session(session_of(&alice)).await), Code::NotFound);
    alice.client.profile().await.unwrap();
}

#[tokio::test]
async fn the_same_device_logging_in_again_replaces_its_session() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let id = "0192f3a1-1111-7222-8333-944455556666";
    let first = alice.on_device(id).await;
    let device = first.online().await;
    let second = alice.on_device(id).await;
    assert!(matches!(device.ends_within(ONE_SECOND).await.code, Some(4409)));
    assert_ended(&first).await;
    second.client.profile().await.unwrap();
    assert_eq!(second.client.sessions().await.unwrap().len(), 2);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_the_last_one_forgives_a_lost_answer() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let first = alice.client.tokens().unwrap();
    let second = alice.client.refresh_with(&first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(second.session_id, first.session_id);
    // The answer got lost: the client asks again with what it has.
    let again = alice.client.refresh_with(&first.refresh_token).await.unwrap();
    assert_eq!(again.session_id, first.session_id);
    alice.client.set_tokens(Some(again));
    alice.client.profile().await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_that_was_followed_long_ago_ends_the_session() {
    let Some(app) = TestApp::start_with(&["auth.refresh_grace_s=0"]).await else { return };
    let alice = app.person("alice").await;
    let first = alice.client.tokens().unwrap();
    let second = alice.client.refresh_with(&first.refresh_token).await.unwrap();
    let third = alice.client.refresh_with(&second.refresh_token).await.unwrap();
    // The first was followed by the second, and the second was used: only a thief still has the first.
    assert_eq!(code(alice.client.refresh_with(&first.refresh_token).await), Code::Unauthenticated);
    assert_eq!(code(alice.client.refresh_with(&third.refresh_token).await), Code::Unauthenticated);
    alice.client.set_tokens(Some(third));
    assert_ended(&alice).await;
}

#[tokio::test]
async fn one_session_too_many_ends_the_oldest() {
    let Some(app) = TestApp::start_with(&["limits.sessions=2"]).await else { return };
    let alice = app.person("alice").await;
    let second = alice.on_another_device().await;
    let device = alice.online().await;
    let third = alice.on_another_device().await;
    assert_eq!(device.ends_within(ONE_SECOND).await.code, Some(4410));
    assert_ended(&alice).await;
    second.client.profile().await.unwrap();
    assert_eq!(third.client.sessions().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let (app, alice) = TestApp::with_person("alice").await;
    let hello = Hello { ticket: alice.client.ticket().await.unwrap(), ..Hello::default() };
    let socket = Socket::greet(app.url(), hello.clone(), SocketOptions::default()).await.unwrap();
    assert_eq!(socket.welcome().user_id, alice.id.to_vec());
    assert_eq!(socket.welcome().session_id, alice.client.tokens().unwrap().session_id);
    match Socket::greet(app.url(), hello, SocketOptions::default()).await {
        Err(Error::Closed(closed)) => assert_eq!(closed.code, Some(4401)),
        _ => panic!("a ticket was good twice"),
    }
}

#[tokio::test]
async fn tokens_that_are_none_are_refused() {
    let (app, alice) = TestApp::with_person("alice").await;
    let good = alice.client.tokens().unwrap().access_token;
    let (head, tail) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
    for token in ["", "x", "a.b.c", &forged] {
        let header = format!("Bearer {token}");
        let client: Client = app.anonymous();
        let answer = client.call(Method::GET, "/v1/users/me", None, &[("authorization", &header)]).await.unwrap();
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.problem().unwrap().code, "unauthenticated");
    }
}

#[tokio::test]
async fn answers_that_are_secrets_are_not_kept_under_a_key() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let body = serde_json::json!({ "username": alice.username, "password": PASSWORD });
    let key = [("idempotency-key", "k")];
    let answer = alice.client.call(Method::POST, "/v1/sessions", Some(&body), &key).await.unwrap();
    assert_eq!(answer.problem().unwrap().code, "invalid_argument");
}
