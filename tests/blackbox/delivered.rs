//! Delivered: up to where the other person's devices hold a conversation, as its sender sees it.

use anser_client::{Client, v1::event::Event};
use anser_tests::{Device, Person, TestApp, until};
use anser_types::ConversationId;

async fn delivered(person: &Person, conversation: ConversationId) -> i64 {
    person.sees(conversation).await.delivered_seq
}

/// Waits until this device is told that `other` has `seq`.
async fn hears_of(device: &Device, other: &Person, seq: i64) {
    let wanted = |event: &Event| match event {
        Event::Delivered(told) => {
            told.items.iter().find(|item| item.user_id == other.id.as_bytes() && item.delivered_seq >= seq).map(drop)
        }
        _ => None,
    };
    device.hears("that it was delivered", wanted).await;
}

#[tokio::test]
async fn what_a_device_acknowledged_is_delivered_and_stays_so() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let (alices, bobs) = (alice.online().await, bob.online_without_acks().await);
    let seq = alice.says(conversation, "here?").await.seq;
    bobs.hears_text("here?").await;
    assert!(delivered(&alice, conversation).await < seq, "nothing was acknowledged");
    bobs.acks().await;
    hears_of(&alices, &bob, seq).await;
    assert_eq!(delivered(&alice, conversation).await, seq);
    let readers = alice.client.readers(conversation, seq, 10, "").await.unwrap();
    assert_eq!((readers.read_by, readers.delivered_to, readers.members), (0, 1, 1));
    app.crash();
    app.start_again().await;
    assert_eq!(delivered(&alice, conversation).await, seq);
}

#[tokio::test]
async fn a_device_that_syncs_says_what_it_holds() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let first = alice.says(conversation, "one").await.seq;
    alice.says(conversation, "two").await;
    // It got the first page, and asks for the next.
    bob.client.sync_conversation(conversation, first, 1).await.unwrap();
    until("the first is delivered", || async { delivered(&alice, conversation).await == first }).await;
    let device = bob.online().await;
    let last = alice.says(conversation, "three").await.seq;
    device.hears_text("three").await;
    until("the last is delivered", || async { delivered(&alice, conversation).await == last }).await;
}

#[tokio::test]
async fn it_crosses_gateways() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let other = app.another_gateway().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.befriends(&carol).await;
    let group = alice.group("three", &[&bob, &carol]).await;
    let there = Client::new(&other).unwrap();
    there.set_tokens(bob.client.tokens());
    let bob_there = Person { client: there, ..bob.clone() };
    let (alices, bobs) = (alice.online().await, bob_there.online().await);
    let seq = alice.says(group, "to both").await.seq;
    bobs.hears_text("to both").await;
    hears_of(&alices, &bob, seq).await;
    let readers = alice.client.readers(group, seq, 10, "").await.unwrap();
    assert_eq!((readers.delivered_to, readers.members), (1, 2));
    let carols = carol.online().await;
    let seq = bob.says(group, "to all").await.seq;
    carols.hears_text("to all").await;
    hears_of(&bobs, &carol, seq).await;
}
