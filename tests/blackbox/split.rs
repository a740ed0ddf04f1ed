//! A gateway and a store as two processes, and what happens when one of them dies.

use std::time::Duration;

use anser_tests::{TestApp, code, until, within};
use anser_types::Code;
use tokio::time::Instant;

#[tokio::test]
async fn the_gateway_process_opens_no_database() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    alice.says(alice.with(&bob).await, "through two processes").await;
    let names = |dir: std::path::PathBuf| -> Vec<String> {
        let entries = std::fs::read_dir(dir).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let database = |name: &String| [".db", ".sqlite", "-wal", "-shm"].iter().any(|end| name.ends_with(end));
    assert!(!names(app.gateway_dir()).iter().any(database), "{:?}", names(app.gateway_dir()));
    assert!(names(app.store_dir()).iter().any(database), "{:?}", names(app.store_dir()));
}

#[tokio::test]
async fn a_store_that_dies_is_unavailable_in_two_seconds_and_connections_outlive_it() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let (alices, bobs) = (alice.online().await, bob.online().await);
    alices.socket.send_text(conversation, "before").await.unwrap();
    bobs.hears_text("before").await;

    app.crash_store();
    let message = alice.message(conversation, "during");
    let started = Instant::now();
    let refused = within(Duration::from_secs(3), "an answer", alices.socket.send(message.clone())).await;
    assert_eq!(code(refused), Code::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let started = Instant::now();
    assert_eq!(code(alice.tries_to_say(conversation, "over http").await), Code::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let started = Instant::now();
    assert_eq!(code(alices.socket.sync_heads("", 0).await), Code::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());

    app.start_store_again();
    until("a send works again", || {
        let sent = alices.socket.send(message.clone());
        async { sent.await.is_ok() }
    })
    .await;
    // The same sockets, and nothing was missed.
    bobs.hears_text("during").await;
    bobs.socket.send_text(conversation, "answer").await.unwrap();
    alices.hears_text("answer").await;
}

#[tokio::test]
async fn logging_out_takes_effect_across_processes() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let alice = app.person("alice").await;
    let device = alice.online().await;
    alice.client.logout().await.unwrap();
    assert_eq!(device.ends_within(Duration::from_secs(1)).await.code, Some(4410));
    assert_eq!(code(alice.client.profile().await), Code::Unauthenticated);
}

#[tokio::test]
async fn a_gateway_that_dies_costs_a_reconnect_and_no_message() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online().await;
    alice.says(conversation, "one").await;
    device.hears_text("one").await;
    let point = device.resume_point().await;
    alice.says(conversation, "two").await;
    app.crash();
    app.start_again().await;
    let back = bob.back_from(&point).await;
    assert!(back.socket.welcome().resumed);
    loop {
        let entry = back.hears_entry().await;
        if entry.fallback_text == "two" {
            break;
        }
        assert_eq!(entry.fallback_text, "one");
    }
}

#[tokio::test]
async fn people_at_different_gateways_talk_and_a_logout_at_one_is_heard_at_the_other() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let other = app.another_gateway().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let bob_there = bob.through(&other);
    let (here, there) = (alice.online().await, bob_there.online().await);
    here.socket.send_text(conversation, "hello over there").await.unwrap();
    there.hears_text("hello over there").await;
    there.socket.send_text(conversation, "hello over here").await.unwrap();
    here.hears_text("hello over here").await;

    // A device moves from one gateway to the other and misses nothing.
    let point = here.resume_point().await;
    here.socket.cut().await;
    there.socket.send_text(conversation, "on your way").await.unwrap();
    let moved = alice.through(&other).back_from(&point).await;
    assert!(moved.socket.welcome().resumed);
    while moved.hears_entry().await.fallback_text != "on your way" {}

    bob.client.logout().await.unwrap();
    assert_eq!(there.ends_within(Duration::from_secs(5)).await.code, Some(4410));
    assert_eq!(code(bob_there.client.profile().await), Code::Unauthenticated);
}
