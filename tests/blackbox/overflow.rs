//! Slow consumers: bounded, told to sync, closed; and nobody else notices.

use std::time::Duration;

use anser_client::Incoming;
use anser_tests::{TestApp, texts};

#[tokio::test]
async fn whoever_stops_acknowledging_is_told_to_sync_and_then_closed() {
    let Some(app) = TestApp::start_with(&["gateway.unacked_pushes=8", "gateway.slow_close_ms=500"]).await else {
        return;
    };
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.befriends(&carol).await;
    let group = alice.group("all", &[&bob, &carol]).await;
    let (slow, quick) = (bob.online_without_acks().await, carol.online().await);
    let mut said = Vec::new();
    let mut told = None;
    // Pushes may carry many entries each, so how many messages fill the window is the server's affair.
    for number in 0..5_000 {
        let text = format!("{number} {}", "x".repeat(1_000));
        alice.says(group, &text).await;
        quick.hears_text(&text).await;
        said.push(text);
        if number % 50 == 0
            && let Some(frame) = tokio::time::timeout(Duration::from_millis(1), slow.hears_frame("a frame")).await.ok()
        {
            told = Some(frame);
            break;
        }
    }
    let told = match told {
        Some(frame) => frame,
        None => slow.hears_frame("to be told").await,
    };
    assert!(matches!(told, Incoming::SyncRequired(_)), "{told:?}");
    assert_eq!(slow.ends_within(anser_tests::SOON).await.code, Some(4429));
    let log = bob.syncs(group).await;
    assert_eq!(texts(&log.entries), said.iter().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_acknowledges_after_all_goes_on() {
    let Some(app) = TestApp::start_with(&["gateway.unacked_pushes=4", "gateway.slow_close_ms=60000"]).await else {
        return;
    };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online_without_acks().await;
    let sender = alice.online().await;
    let told = async {
        loop {
            let messages = (0..50).map(|_| alice.message(conversation, &"x".repeat(8_000))).collect();
            sender.socket.send_all(messages).await;
        }
    };
    tokio::select! {
        () = told => {}
        frame = device.hears_frame("to be told") => assert!(matches!(frame, Incoming::SyncRequired(_)), "{frame:?}"),
    }
    // What was still under way may fill the window once more; each time an acknowledgement makes room.
    let heard = async {
        loop {
            device.acks().await;
            alice.says(conversation, "a new beginning").await;
            if device.hears_before_reset("a new beginning").await {
                return;
            }
        }
    };
    anser_tests::soon("the new beginning", heard).await;
}
