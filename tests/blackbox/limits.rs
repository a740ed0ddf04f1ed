//! Limits: who goes beyond is told so, and nobody else notices.

use anser_client::{
    http::LoginDevice,
    v1::{SyncHeads, request::Op},
};
use anser_tests::{PASSWORD, TestApp, code, until};
use anser_types::Code;
use reqwest::Method;

#[tokio::test]
async fn sends_beyond_the_burst_wait_for_their_time() {
    let Some(app) = TestApp::start_with(&["limits.send_burst=3", "limits.sends_per_second=1"]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    let messages = (0..10).map(|number| alice.message(conversation, &number.to_string())).collect();
    let outcomes = device.socket.send_all(messages).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!((6..=7).contains(&refused.len()), "{outcomes:?}");
    for error in refused {
        assert_eq!(error.code(), Some(Code::RateLimited));
        assert!(error.retryable() && error.retry_after_ms().is_some_and(|after| after <= 10_000));
    }
    assert_eq!(code(alice.tries_to_say(conversation, "over http").await), Code::RateLimited);
    bob.says(conversation, "I am not concerned").await;
    until("she may speak again", || async { alice.tries_to_say(conversation, "later").await.is_ok() }).await;
}

#[tokio::test]
async fn logins_under_one_name_are_limited_and_other_names_are_not() {
    let Some(app) = TestApp::start_with(&["limits.logins_per_minute_per_name=3"]).await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let client = app.anonymous();
    let body = serde_json::json!({ "username": alice.username, "password": "wrong password" });
    let mut refused = None;
    for _ in 0..5 {
        let answer = client.call(Method::POST, "/v1/sessions", Some(&body), &[]).await.unwrap();
        if answer.status == 429 {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("the limit was met");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.problem().unwrap().code, "rate_limited");
    client.login(&bob.username, PASSWORD, &LoginDevice::default()).await.unwrap();
}

#[tokio::test]
async fn accounts_from_one_address_are_limited() {
    let Some(app) = TestApp::start_with(&["limits.registrations_per_minute_per_ip=2"]).await else { return };
    let (alice, _bob) = (app.person("alice").await, app.person("bob").await);
    let outcome = app.anonymous().register("one-too-many", PASSWORD, "").await;
    assert_eq!(code(outcome), Code::RateLimited);
    alice.client.profile().await.unwrap();
}

#[tokio::test]
async fn reads_over_http_and_websocket_count_together_and_for_each_person() {
    let Some(app) = TestApp::start_with(&["limits.reads_per_second=1", "limits.read_burst=4"]).await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let device = alice.online().await;
    let ask = || device.socket.request(Op::SyncHeads(SyncHeads::default()));
    let mut refused = None;
    for _ in 0..20 {
        if let Err(error) = ask().await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("the limit was met");
    assert_eq!(refused.code(), Some(Code::RateLimited));
    assert!(refused.retry_after_ms().is_some_and(|after| (1..=1_000).contains(&after)));
    device.socket.ping().await.unwrap();
    let answer = alice.client.call(Method::GET, "/v1/friends", None, &[]).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    bob.client.call(Method::GET, "/v1/friends", None, &[]).await.unwrap().value().unwrap();
    until("she may read again", || async { ask().await.is_ok() }).await;
}

#[tokio::test]
async fn passwords_are_hashed_a_few_at_a_time() {
    let settings = ["auth.hash_queue=1", "auth.hash_memory_kib=65536", "auth.hash_passes=3"];
    let Some(app) = TestApp::start_with(&settings).await else { return };
    let alice = app.person("alice").await;
    let tries = (0..32).map(|_| async {
        let client = app.anonymous();
        client.login(&alice.username, PASSWORD, &LoginDevice::default()).await
    });
    let outcomes = futures_util::future::join_all(tries).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(!refused.is_empty() && refused.len() < 32);
    assert!(refused.iter().all(|error| error.code() == Some(Code::Unavailable) && error.retryable()));
}

#[tokio::test]
async fn friend_requests_a_day_and_friends_are_limited() {
    let Some(app) = TestApp::start_with(&["limits.friend_requests_per_day=2", "limits.friends=1"]).await else {
        return;
    };
    let people = [app.person("a").await, app.person("b").await, app.person("c").await, app.person("d").await];
    let [alice, bob, carol, dave] = &people;
    let to_bob = alice.asks(bob).await;
    let to_carol = alice.asks(carol).await;
    let error = alice.client.request_friend(dave.id, "").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::RateLimited));
    assert!(error.retry_after_ms().unwrap() > 3_600_000, "come back tomorrow");
    bob.client.accept_friend(to_bob).await.unwrap();
    assert_eq!(code(carol.client.accept_friend(to_carol).await), Code::LimitExceeded);
}

#[tokio::test]
async fn groups_and_conversations_have_their_size() {
    let settings = ["limits.group_members=2", "limits.conversations=2", "limits.invite_batch=2"];
    let Some(app) = TestApp::start_with(&settings).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.befriends(&carol).await;
    assert_eq!(code(alice.client.create_group("too many", &[bob.id, carol.id]).await), Code::LimitExceeded);
    let group = alice.group("full", &[&bob]).await;
    assert_eq!(code(alice.client.invite(group, &[carol.id]).await), Code::LimitExceeded);
    let nobody = anser_types::UserId::new(alice.client.clock());
    let three = [bob.id, carol.id, nobody];
    assert!(matches!(code(alice.client.invite(group, &three).await), Code::InvalidArgument | Code::LimitExceeded));
    // Conversations with friends are limited by the number of friends, groups by the number of groups.
    alice.group("the second", &[]).await;
    assert_eq!(code(alice.client.create_group("one more", &[]).await), Code::LimitExceeded);
}

#[tokio::test]
async fn a_request_whose_time_runs_out_says_so() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    let message = alice.message(conversation, "in time or not at all");
    let op = Op::Send(message.clone());
    match device.socket.request_within(op, 1).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.code(), Some(Code::DeadlineExceeded)),
    }
    // Either way the same key finds out what became of it.
    device.socket.send(message).await.unwrap();
    let said = bob.history(conversation).await.iter().filter(|entry| entry.countable).count();
    assert_eq!(said, 1);
}

#[tokio::test]
async fn names_are_as_long_as_the_configuration_says() {
    let Some(app) = TestApp::start_with(&["limits.name_bytes=8"]).await else { return };
    let client = app.anonymous();
    client.register("eight-88", PASSWORD, "").await.unwrap();
    let refused = client.register("nine-9999", PASSWORD, "").await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::InvalidArgument));
    let refused = client.register("short", PASSWORD, "nickname-9").await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::InvalidArgument));
    client.register("short", PASSWORD, "nick-888").await.unwrap();
}

#[tokio::test]
async fn where_the_disk_must_stay_free_nothing_grows() {
    let Some(app) = TestApp::start_with(&["store.grow_above_free_mib=1000000000"]).await else { return };
    let refused = app.anonymous().register("alice", PASSWORD, "").await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::StorageFull));
    assert!(refused.retryable());
}
