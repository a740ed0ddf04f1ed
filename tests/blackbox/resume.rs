//! Coming back: what was missed follows, or the server says that it does not.

use anser_client::{Encoding, Hello, Incoming, SocketOptions, socket::Socket, v1::event::Event};
use anser_tests::{Device, TestApp};

#[tokio::test]
async fn what_was_missed_follows_in_order_and_live_entries_after_it() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    for encoding in [Encoding::Json, Encoding::Proto] {
        let device = bob.online_in(encoding).await;
        alice.says(conversation, "seen").await;
        device.hears_text("seen").await;
        let point = device.resume_point().await;
        device.socket.cut().await;
        for number in 0..20 {
            alice.says(conversation, &format!("missed {number}")).await;
        }
        let options = SocketOptions { encoding, ..SocketOptions::default() };
        let back = Device::open(&bob, Some(point), options).await.unwrap();
        assert!(back.socket.welcome().resumed);
        alice.says(conversation, "live").await;
        let mut heard: Vec<String> = Vec::new();
        while heard.last().map(String::as_str) != Some("live") {
            heard.push(back.hears_entry().await.fallback_text);
        }
        let wanted: Vec<String> = (0..20).map(|number| format!("missed {number}")).chain(["live".into()]).collect();
        let first = heard.iter().position(|text| *text == wanted[0]).unwrap();
        assert_eq!(heard[first..], wanted);
        assert!(heard[..first].iter().all(|text| text == "seen"), "only across connections may an entry repeat");
    }
}

#[tokio::test]
async fn a_crash_of_the_server_is_no_reason_to_miss_anything() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online().await;
    alice.says(conversation, "before").await;
    device.hears_text("before").await;
    let point = device.resume_point().await;
    alice.says(conversation, "acknowledged").await;
    app.crash();
    app.start_again().await;
    alice.says(conversation, "after").await;
    let back = bob.back_from(&point).await;
    assert!(back.socket.welcome().resumed);
    let mut texts = vec![back.hears_entry().await.fallback_text, back.hears_entry().await.fallback_text];
    if texts[0] == "before" {
        texts = vec![texts.remove(1), back.hears_entry().await.fallback_text];
    }
    assert_eq!(texts, ["acknowledged", "after"]);
}

#[tokio::test]
async fn whoever_missed_too_much_is_told_to_sync() {
    let Some(app) = TestApp::start_with(&["limits.resume_entries=5"]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online().await;
    let point = device.socket.ping().await.unwrap();
    device.socket.cut().await;
    for _ in 0..20 {
        alice.says(conversation, "missed").await;
    }
    let back = bob.back_from(&point).await;
    assert!(!back.socket.welcome().resumed);
    assert!(matches!(back.hears_frame("to be told to sync").await, Incoming::SyncRequired(_)));
    alice.says(conversation, "live").await;
    back.hears_text("live").await;
    assert_eq!(bob.syncs(conversation).await.entries.iter().filter(|entry| entry.countable).count(), 21);
}

#[tokio::test]
async fn a_resume_point_that_is_none_is_not_resumed() {
    let (app, _alice, bob) = TestApp::with_friends("alice", "bob").await;
    let tokens = bob.client.tokens().unwrap();
    for resume in ["nonsense", "AAAA"] {
        let hello = Hello {
            access_token: tokens.access_token.clone(),
            device_id: tokens.device_id.clone(),
            resume: resume.into(),
            ..Hello::default()
        };
        let socket = Socket::greet(app.url(), hello, SocketOptions::default()).await.unwrap();
        assert!(!socket.welcome().resumed);
    }
}

#[tokio::test]
async fn a_group_joined_meanwhile_is_named_and_what_changed_about_me_is_announced() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let carol = app.person("carol").await;
    let device = bob.online().await;
    let point = device.socket.ping().await.unwrap();
    device.socket.cut().await;
    let group = alice.group("meanwhile", &[&bob]).await;
    carol.asks(&bob).await;
    let back = bob.back_from(&point).await;
    assert!(back.socket.welcome().resumed);
    assert!(back.socket.welcome().me_changed);
    back.hears("the group", |event| match event {
        Event::ConversationJoined(joined) => (joined.conversation_id == group.to_vec()).then_some(()),
        _ => None,
    })
    .await;
}
