//! Messaging goes away and comes back; connections stay.

use std::time::Duration;

use anser_contract::v1::{reply::Outcome, server_frame::Frame};
use tokio::time::{Instant, sleep};

use crate::{
    client::{BOTH, Encoding},
    town::{ALICE, BOB, Town},
};

#[tokio::test]
async fn sends_are_refused_in_time_and_work_again_without_reconnecting() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    town.messages.append_text(&room, BOB, "before anybody came");
    for (round, encoding) in (0..).zip(BOTH) {
        let mut alice = town.connect(ALICE, encoding).await;
        let mut bob = town.connect(BOB, encoding).await;
        town.messages.0.lock().away = true;
        town.messages.break_links();
        sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        alice.send_text(&room, 10 + round, "lost?").await;
        assert_eq!(alice.error_code().await, "unavailable");
        assert!(begun.elapsed() < Duration::from_secs(2));

        // Messages of others that were stored meanwhile come too.
        let missed = town.messages.append_text(&room, BOB, "meanwhile");
        town.messages.0.lock().away = false;
        while !town.gateway.connected() {
            sleep(Duration::from_millis(10)).await;
        }
        alice.send_text(&room, 20 + round, "again").await;
        let Some(Outcome::Send(ack)) = alice.reply().await.outcome else { panic!("no ack") };
        assert_eq!(ack.seq, missed + 1);
        assert_eq!(bob.texts(2).await, ["meanwhile", "again"]);
    }
}

#[tokio::test]
async fn sends_that_were_under_way_are_answered_when_the_stream_breaks() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    town.messages.append_text(&room, BOB, "before anybody came");
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    town.messages.0.lock().silent = true;
    alice.send_text(&room, 1, "where?").await;
    sleep(Duration::from_millis(100)).await;
    town.messages.break_links();
    let begun = Instant::now();
    assert_eq!(alice.error_code().await, "unavailable");
    assert!(begun.elapsed() < Duration::from_secs(1));
    // The same key later: it was never stored, so it is taken.
    town.messages.0.lock().silent = false;
    while !town.gateway.connected() {
        sleep(Duration::from_millis(10)).await;
    }
    alice.send_text(&room, 1, "where?").await;
    assert!(matches!(alice.reply().await.outcome, Some(Outcome::Send(ack)) if !ack.dup));
}

#[tokio::test]
async fn what_was_stored_in_an_empty_log_meanwhile_is_not_passed_over() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    town.messages.break_links();
    town.messages.append_text(&room, BOB, "the very first");
    assert!(matches!(alice.frame().await, Frame::SyncRequired(_)));
}

#[tokio::test]
async fn a_stream_that_says_nothing_counts_as_broken() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    town.messages.append_text(&room, BOB, "before anybody came");
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    town.messages.hang_links();
    alice.send_text(&room, 1, "anybody?").await;
    assert_eq!(alice.error_code().await, "unavailable");
    alice.send_text(&room, 1, "anybody?").await;
    assert!(matches!(alice.reply().await.outcome, Some(Outcome::Send(_))));
}

#[tokio::test]
async fn a_lost_message_of_the_stream_costs_nobody_an_entry() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    town.messages.append_text(&room, BOB, "1");
    town.messages.lose_one();
    town.messages.append_text(&room, BOB, "2");
    town.messages.append_text(&room, BOB, "3");
    assert_eq!(alice.texts(3).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_reset_and_another_store_mean_sync() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    town.messages.reset();
    assert!(matches!(alice.frame().await, Frame::SyncRequired(_)));
    town.messages.append_text(&room, BOB, "goes on");
    assert_eq!(alice.texts(1).await, ["goes on"]);

    town.messages.0.lock().epoch = b"other store now!".to_vec();
    assert!(matches!(alice.frame().await, Frame::SyncRequired(_)));
    let resume = alice.resume.clone();
    let mut back = town.resume(ALICE, Encoding::Json, &resume).await;
    assert!(!back.welcome.as_ref().unwrap().resumed, "a point of the old store is of no use");
    assert!(matches!(back.frame().await, Frame::SyncRequired(_)));
}

#[tokio::test]
async fn a_request_ends_by_its_deadline() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    town.messages.0.lock().silent = true;
    let send =
        anser_contract::v1::SendMessage { conversation_id: room, client_msg_id: vec![1; 16], ..Default::default() };
    let begun = Instant::now();
    alice.request(anser_contract::v1::request::Op::Send(send), 300).await;
    assert_eq!(alice.error_code().await, "deadline_exceeded");
    assert!(begun.elapsed() < Duration::from_secs(1));
}
