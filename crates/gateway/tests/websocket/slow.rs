//! Clients that do not keep up.

use std::time::Duration;

use anser_contract::v1::server_frame::Frame;
use tokio::time::{Instant, sleep};

use crate::{
    client::{BOTH, Came, Encoding},
    town::{ALICE, BOB, Town, small_windows},
};

#[tokio::test]
async fn pushes_wait_for_acks_and_an_overflow_means_sync_and_then_the_end() {
    let town = Town::start_with(small_windows).await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    for encoding in BOTH {
        let mut alice = town.connect(ALICE, encoding).await;
        alice.acks = false;
        for _ in 0..4 {
            town.messages.append_text(&room, BOB, "x");
            assert_eq!(alice.push().await.events.len(), 1);
        }
        for _ in 0..5 {
            town.messages.append_text(&room, BOB, "waits");
        }
        alice.ack(4).await;
        let push = alice.push().await;
        assert_eq!((push.push_no, push.events.len()), (5, 5), "what waited comes together");

        // Now too much waits, twice over, and nothing is acked.
        for _ in 0..3 {
            town.messages.append_text(&room, BOB, "x");
            alice.push().await;
        }
        for _ in 0..17 {
            town.messages.append_text(&room, BOB, "too much");
        }
        assert!(matches!(alice.frame().await, Frame::SyncRequired(_)));
        let begun = Instant::now();
        assert_eq!(alice.close_code().await, 4429);
        assert!(begun.elapsed() >= Duration::from_millis(300));
    }
}

#[tokio::test]
async fn a_client_that_acks_again_stays() {
    let town = Town::start_with(small_windows).await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    alice.acks = false;
    for _ in 0..4 {
        town.messages.append_text(&room, BOB, "x");
        alice.push().await;
    }
    for _ in 0..17 {
        town.messages.append_text(&room, BOB, "too much");
    }
    assert!(matches!(alice.frame().await, Frame::SyncRequired(_)));
    alice.ack(4).await;
    sleep(Duration::from_millis(600)).await;
    town.messages.append_text(&room, BOB, "goes on");
    assert_eq!(alice.texts(1).await, ["goes on"]);
}

#[tokio::test]
async fn a_large_entry_goes_alone_whatever_the_window() {
    let town = Town::start_with(|options| options.limits.unacked_push_bytes = 10_000).await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    let large = "y".repeat(60_000);
    for _ in 0..3 {
        town.messages.append_text(&room, BOB, &large);
        assert!(alice.texts(1).await == [large.as_str()]);
    }
}

#[tokio::test]
async fn one_slow_client_slows_nobody() {
    let town = Town::start_with(small_windows).await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut stuck = town.connect(ALICE, Encoding::Proto).await;
    let mut bob = town.connect(BOB, Encoding::Proto).await;
    stuck.acks = false;
    let large = "z".repeat(50_000);
    for _ in 0..100 {
        town.messages.append_text(&room, ALICE, &large);
        assert_eq!(bob.texts(1).await.len(), 1);
    }
    // It sees what fitted into the window, the notice, and the end.
    let mut told = false;
    loop {
        match stuck.next().await {
            Came::Frame(Frame::SyncRequired(_)) => told = true,
            Came::Frame(_) => {}
            Came::Close(code) => break assert_eq!(code, 4429),
            other => panic!("{other:?}"),
        }
    }
    assert!(told);
}

#[tokio::test]
async fn more_open_requests_than_allowed_only_wait() {
    let town = Town::start_with(|options| options.limits.open_requests = 8).await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    for cmid in 0..100 {
        alice.send_text(&room, cmid, "x").await;
    }
    let mut ids: Vec<u32> = Vec::new();
    while ids.len() < 100 {
        ids.push(alice.reply().await.id);
    }
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
}
