//! Messages for later: sent when their time comes, once, whatever happens to the server meanwhile.

use std::time::Duration;

use anser_client::v1::{ScheduledState, SendMessage, event::Event};
use anser_tests::{Device, Person, TestApp, code, texts, until, within};
use anser_types::{Clock, Code, MessageId};

fn now() -> i64 {
    Clock::system().now()
}

fn key(message: &SendMessage) -> MessageId {
    MessageId::try_from(&message.client_msg_id[..]).unwrap()
}

/// What this device hears next of a message for later.
async fn hears_of(device: &Device) -> (ScheduledState, String) {
    let moved = device
        .hears("of a message for later", |event| match event {
            Event::Scheduled(moved) => Some(moved.clone()),
            _ => None,
        })
        .await;
    (moved.state(), moved.code)
}

async fn waiting(person: &Person) -> usize {
    person.client.scheduled(0, "").await.unwrap().items.len()
}

#[tokio::test]
async fn it_comes_when_it_is_time_and_the_other_devices_hear_of_it() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let (bobs, elsewhere) = (bob.online().await, alice.on_another_device().await.online().await);
    let message = alice.message(conversation, "happy birthday");
    let kept = alice.client.schedule(&message, now() + 2_000).await.unwrap();
    assert_eq!((kept.state(), kept.content), (ScheduledState::Waiting, message.content.clone()));
    assert_eq!(hears_of(&elsewhere).await.0, ScheduledState::Waiting);
    assert_eq!((waiting(&alice).await, waiting(&bob).await), (1, 0));
    assert!(texts(&bob.history(conversation).await).is_empty());
    let came = bobs.hears_text("happy birthday").await;
    assert!(came.server_ts >= kept.send_at && came.client_msg_id == message.client_msg_id);
    assert_eq!(hears_of(&elsewhere).await.0, ScheduledState::Sent);
    assert_eq!(waiting(&alice).await, 0);
    let again = alice.client.schedule(&message, kept.send_at).await.unwrap();
    assert_eq!((again.state(), again.seq), (ScheduledState::Sent, came.seq));
}

#[tokio::test]
async fn it_survives_a_crash_and_is_sent_once() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let at = now() + 3_000;
    let messages: Vec<_> = (0..20).map(|number| alice.message(conversation, &number.to_string())).collect();
    for message in &messages {
        alice.client.schedule(message, at).await.unwrap();
    }
    let later = alice.message(conversation, "much later");
    alice.client.schedule(&later, at + 3_600_000).await.unwrap();
    app.crash();
    tokio::time::sleep(Duration::from_millis((at - now()).max(0).unsigned_abs())).await;
    app.start_again().await;
    until("some are sent", || async { !texts(&bob.history(conversation).await).is_empty() }).await;
    app.crash();
    app.start_again().await;
    until("all are sent", || async { waiting(&alice).await == 1 }).await;
    let mut said: Vec<i32> = texts(&bob.history(conversation).await).iter().map(|text| text.parse().unwrap()).collect();
    said.sort_unstable();
    assert_eq!(said, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_refused_at_its_time_is_its_senders_to_look_at() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let group = alice.group("for now", &[&bob]).await;
    let bobs = bob.online().await;
    let message = bob.message(group, "I was here");
    bob.client.schedule(&message, now() + 2_000).await.unwrap();
    alice.client.remove_member(group, bob.id).await.unwrap();
    assert_eq!(hears_of(&bobs).await.0, ScheduledState::Waiting);
    assert_eq!(hears_of(&bobs).await, (ScheduledState::Failed, "forbidden".to_owned()));
    let failed = bob.client.scheduled(0, "").await.unwrap().items.remove(0);
    assert_eq!((failed.state(), failed.code.as_str()), (ScheduledState::Failed, "forbidden"));
    assert!(texts(&alice.history(group).await).is_empty());
    bob.client.cancel_scheduled(group, key(&message)).await.unwrap();
    assert_eq!(waiting(&bob).await, 0);
}

#[tokio::test]
async fn a_cancelled_one_is_not_sent_and_leaves_the_files() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let secret = "words-that-were-never-said";
    let (gone, moved) = (alice.message(conversation, secret), alice.message(conversation, "moved"));
    alice.client.schedule(&gone, now() + 3_600_000).await.unwrap();
    alice.client.schedule(&moved, now() + 3_600_000).await.unwrap();
    assert_eq!(code(bob.client.cancel_scheduled(conversation, key(&gone)).await), Code::NotFound);
    alice.client.cancel_scheduled(conversation, key(&gone)).await.unwrap();
    let bobs = bob.online().await;
    alice.client.reschedule(conversation, key(&moved), now() + 1_000).await.unwrap();
    bobs.hears_text("moved").await;
    until("both to be off the list", || async { waiting(&alice).await == 0 }).await;
    let folder = app.store_dir();
    let stands = || {
        let files = std::fs::read_dir(&folder).unwrap().filter_map(|file| std::fs::read(file.ok()?.path()).ok());
        files.into_iter().any(|bytes| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()))
    };
    within(Duration::from_secs(60), "the words to be gone from every file", async {
        while stands() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn there_are_only_so_many() {
    let Some(app) = TestApp::start_with(&["limits.scheduled=2"]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    for text in ["one", "two"] {
        alice.client.schedule(&alice.message(conversation, text), now() + 3_600_000).await.unwrap();
    }
    let third = alice.message(conversation, "three");
    assert_eq!(code(alice.client.schedule(&third, now() + 3_600_000).await), Code::LimitExceeded);
    assert_eq!(code(alice.client.schedule(&third, now() + 400 * 86_400_000).await), Code::InvalidArgument);
}
