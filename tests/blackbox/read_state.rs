//! How far somebody has read, and what is unread.

use anser_client::v1::event::Event;
use anser_tests::{Device, TestApp, code};
use anser_types::Code;

async fn hears_read(device: &Device) -> (i64, i64) {
    device
        .hears("the moved cursor", |event| match event {
            Event::Read(moved) => Some((moved.read_seq, moved.unread)),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn the_cursor_moves_forward_only_and_never_beyond_the_head() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let mut last = 0;
    for text in ["one", "two", "three"] {
        last = alice.says(conversation, text).await.seq;
    }
    assert_eq!((bob.unread(conversation).await, alice.unread(conversation).await), (3, 0));

    let moved = bob.client.mark_read(conversation, last - 1).await.unwrap();
    assert_eq!((moved.read_seq, moved.unread), (last - 1, 1));
    let back = bob.client.mark_read(conversation, 1).await.unwrap();
    assert_eq!((back.read_seq, back.unread), (last - 1, 1));
    let beyond = bob.client.mark_read(conversation, last + 1_000).await.unwrap();
    assert_eq!((beyond.read_seq, beyond.unread), (last, 0));
    assert_eq!(code(bob.client.mark_read(conversation, -1).await), Code::InvalidArgument);
}

#[tokio::test]
async fn all_devices_agree() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let phone = bob.online().await;
    let tablet = bob.on_another_device().await.online().await;
    let mut last = 0;
    for text in ["one", "two"] {
        last = alice.says(conversation, text).await.seq;
    }
    let moved = phone.socket.mark_read(conversation, last - 1).await.unwrap();
    assert_eq!((moved.read_seq, moved.unread), (last - 1, 1));
    assert_eq!(hears_read(&tablet).await, (last - 1, 1));
    let head = bob.heads().await.into_iter().find(|head| head.conversation_id == conversation.to_vec()).unwrap();
    assert_eq!((head.read_seq, head.unread), (last - 1, 1));
}

#[tokio::test]
async fn answering_is_reading_and_joining_is_too() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    alice.says(conversation, "a question").await;
    let answer = bob.says(conversation, "an answer").await;
    let seen = bob.sees(conversation).await;
    assert_eq!((seen.unread, seen.read_seq), (0, answer.seq));
    assert_eq!(alice.unread(conversation).await, 1);

    let group = alice.group("busy", &[]).await;
    for _ in 0..3 {
        alice.says(group, "talk").await;
    }
    alice.client.invite(group, &[bob.id]).await.unwrap();
    assert_eq!(bob.unread(group).await, 0);
    alice.says(group, "more").await;
    assert_eq!(bob.unread(group).await, 1);
}

#[tokio::test]
async fn counts_are_right_after_a_crash() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let mut last = 0;
    for _ in 0..5 {
        last = alice.says(conversation, "hello").await.seq;
    }
    bob.client.mark_read(conversation, last - 2).await.unwrap();
    app.crash();
    app.start_again().await;
    let seen = bob.sees(conversation).await;
    assert_eq!((seen.read_seq, seen.unread), (last - 2, 2));
}
