//! Coming back.

use std::time::Duration;

use anser_contract::v1::{SyncMe, event::Event, request::Op, server_frame::Frame};

use crate::{
    client::{BOTH, Encoding},
    town::{ALICE, BOB, Town},
};

#[tokio::test]
async fn what_was_missed_comes_before_what_is_new() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    for encoding in BOTH {
        let mut alice = town.connect(ALICE, encoding).await;
        town.messages.append_text(&room, BOB, "seen");
        assert_eq!(alice.texts(1).await, ["seen"]);
        let resume = alice.resume.clone();
        drop(alice);
        town.messages.append_text(&room, BOB, "missed 1");
        town.messages.append_text(&room, BOB, "missed 2");
        let mut alice = town.resume(ALICE, encoding, &resume).await;
        assert!(alice.welcome.as_ref().unwrap().resumed);
        town.messages.append_text(&room, BOB, "new");
        assert_eq!(alice.texts(3).await, ["missed 1", "missed 2", "new"]);
    }
}

#[tokio::test]
async fn a_second_device_resumes_while_the_first_is_online() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut first = town.connect(ALICE, Encoding::Proto).await;
    let resume = first.resume.clone();
    town.messages.append_text(&room, BOB, "one");
    assert_eq!(first.texts(1).await, ["one"]);
    let mut second = town.resume(ALICE, Encoding::Json, &resume).await;
    assert_eq!(second.texts(1).await, ["one"]);
    town.messages.append_text(&room, BOB, "two");
    assert_eq!(first.texts(1).await, ["two"]);
    assert_eq!(second.texts(1).await, ["two"]);
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_messages_flow() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let messages = town.messages.clone();
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    let flow = tokio::spawn(async move {
        for _ in 0..400 {
            messages.append_text(&room, BOB, "x");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut last = 0;
    while last < 400 {
        // Each time round some pushes are left unread, and the resume point of the last read one is used.
        for _ in 0..7 {
            if last >= 400 {
                break;
            }
            let Frame::Push(push) = alice.frame().await else { panic!("no push") };
            for event in push.events {
                let Some(Event::Entry(entry)) = event.event else { panic!("no entry") };
                assert_eq!(entry.seq, last + 1);
                last = entry.seq;
            }
        }
        let resume = alice.resume.clone();
        alice = town.resume(ALICE, Encoding::Proto, &resume).await;
    }
    flow.await.unwrap();
}

#[tokio::test]
async fn a_point_that_cannot_be_used_means_sync() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let resume = town.connect(ALICE, Encoding::Json).await.resume;

    let mut foreign = town.resume(ALICE, Encoding::Json, "rubbish").await;
    assert!(!foreign.welcome.as_ref().unwrap().resumed);
    assert!(matches!(foreign.frame().await, Frame::SyncRequired(_)));

    town.messages.0.lock().resume_limit = Some(2);
    for _ in 0..3 {
        town.messages.append_text(&room, BOB, "many");
    }
    drop(foreign);
    let mut late = town.resume(ALICE, Encoding::Json, &resume).await;
    assert!(!late.welcome.as_ref().unwrap().resumed);
    assert!(matches!(late.frame().await, Frame::SyncRequired(_)));
    town.messages.append_text(&room, BOB, "goes on");
    let mut texts = Vec::new();
    while texts.last().map(String::as_str) != Some("goes on") {
        texts.extend(late.texts(1).await);
    }
}

#[tokio::test]
async fn a_welcome_says_when_something_about_me_moved() {
    let town = Town::start().await;
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    alice.request(Op::SyncMe(SyncMe::default()), 0).await;
    alice.reply().await;
    alice.ping().await;
    let Frame::Pong(pong) = alice.frame().await else { panic!("no pong") };
    let same = town.resume(ALICE, Encoding::Json, &pong.resume).await;
    assert!(!same.welcome.unwrap().me_changed);
    *town.contacts.version.lock() = 5;
    let moved = town.resume(ALICE, Encoding::Json, &pong.resume).await;
    assert!(moved.welcome.unwrap().me_changed);
}
