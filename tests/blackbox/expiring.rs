//! Messages that expire: seen by all until their time, by nobody after it, whoever was where, and not in the files.

use std::time::Duration;

use anser_client::v1::{SendMessage, content::Kind, event::Event};
use anser_tests::{Person, TestApp, code, texts, within};
use anser_types::{Code, ConversationId};

/// The shortest life that the server allows.
const LIFE_MS: i64 = 5_000;

fn expiring(person: &Person, conversation: ConversationId, text: &str) -> SendMessage {
    SendMessage { expires_in_ms: LIFE_MS, ..person.message(conversation, text) }
}

/// Waits until `expires_at`, by this machine's clock.
async fn time_is_over(expires_at: i64) {
    let left = expires_at - anser_types::Clock::system().now();
    tokio::time::sleep(Duration::from_millis(left.max(0).unsigned_abs())).await;
}

#[tokio::test]
async fn it_is_there_for_everybody_and_then_for_nobody() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let dave = app.person("dave").await;
    alice.befriends(&dave).await;
    let group = alice.group("for a while", &[&bob]).await;
    let away = bob.online().await;
    let point = away.socket.ping().await.unwrap();
    away.socket.close().await;

    let alices = alice.online().await;
    let secret = "gone in five seconds";
    let message = expiring(&alice, group, secret);
    let seq = alices.socket.send(message.clone()).await.unwrap().seq;
    let elsewhere = alice.on_another_device().await.online().await;
    assert!(elsewhere.socket.ping().await.is_ok());
    let entry = bob.history(group).await.into_iter().find(|entry| entry.seq == seq).unwrap();
    let expiring = entry.content.unwrap().expiring.unwrap();
    assert_eq!((expiring.after_ms, expiring.expires_at), (LIFE_MS, entry.server_ts + LIFE_MS));
    let key = anser_types::MessageId::new(bob.client.clock());
    assert_eq!(code(bob.client.forward(group, &[seq], alice.with(&bob).await, &[key]).await), Code::Forbidden);
    alice.client.pin(group, seq).await.unwrap();

    time_is_over(expiring.expires_at).await;
    // Who comes in later may read from there on, and who was away comes back.
    alice.client.invite(group, &[dave.id]).await.unwrap();
    let back = bob.back_from(&point).await;
    let came = back.hears_entry().await;
    assert_eq!(came.seq, seq);
    assert!(matches!(came.content.as_ref().unwrap().kind, Some(Kind::Expired(_))), "{came:?}");
    let (_, target) = back.hears_change("the pin").await;
    assert_eq!(target, None);
    for person in [&alice, &bob, &dave] {
        let page = person.syncs(group).await;
        assert!(page.hidden.iter().any(|hidden| (hidden.from_seq..=hidden.to_seq).contains(&seq)), "{page:?}");
        assert!(!format!("{page:?}{:?}", person.history(group).await).contains(secret));
        let listed = person.client.conversations(0, "").await.unwrap();
        assert!(!format!("{listed:?}").contains(secret));
    }
    assert!(bob.client.pins(group).await.unwrap().items.is_empty());
    assert_eq!(code(alice.client.react(group, seq, "ok").await), Code::Gone);
    assert_eq!(code(alice.client.readers(group, seq, 10, "").await), Code::Gone);
    let again = alice.client.send(&message).await.unwrap();
    assert_eq!((again.seq, again.dup), (seq, true));
    within(Duration::from_secs(10), "it counts as unread no more", async {
        while bob.unread(group).await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn its_time_passes_while_the_server_is_down_and_the_words_leave_the_files() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let secret = "words-that-outlive-no-restart";
    let ack = alice.client.send(&expiring(&alice, conversation, secret)).await.unwrap();
    let later = SendMessage { expires_in_ms: 3_600_000, ..alice.message(conversation, "still here") };
    alice.client.send(&later).await.unwrap();
    app.crash();
    time_is_over(ack.server_ts + LIFE_MS).await;
    app.start_again().await;
    assert_eq!(texts(&bob.history(conversation).await), ["still here"]);
    let folder = app.store_dir();
    let stands = || {
        let files = std::fs::read_dir(&folder).unwrap().filter_map(|file| std::fs::read(file.ok()?.path()).ok());
        let words = secret.as_bytes();
        files.into_iter().any(|bytes| bytes.windows(words.len()).any(|part| part == words))
    };
    within(Duration::from_secs(60), "the words to be gone from every file", async {
        while stands() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
    assert_eq!(bob.unread(conversation).await, 1);
    // One that is sent now wakes whoever takes them, though nothing was due for an hour.
    let bobs = bob.online().await;
    let ack = alice.client.send(&expiring(&alice, conversation, "once more")).await.unwrap();
    bobs.hears_text("once more").await;
    time_is_over(ack.server_ts + LIFE_MS).await;
    within(Duration::from_secs(10), "it counts as unread no more", async {
        while bob.unread(conversation).await > 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn both_encodings_and_http_mean_the_same_by_it() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let message = SendMessage { expires_in_ms: 3_600_000, ..alice.message(conversation, "an hour") };
    let seq = alice.client.send(&message).await.unwrap().seq;
    for encoding in [anser_client::Encoding::Json, anser_client::Encoding::Proto] {
        let device = alice.online_in(encoding).await;
        let again = device.socket.send(message.clone()).await.unwrap();
        assert_eq!((again.seq, again.dup), (seq, true));
        let longer = SendMessage { expires_in_ms: 3_600_001, ..message.clone() };
        assert_eq!(code(device.socket.send(longer).await), Code::IdempotencyConflict);
        let odd = SendMessage { expires_in_ms: 1, ..alice.message(conversation, "too short") };
        assert_eq!(code(device.socket.send(odd).await), Code::InvalidArgument);
    }
    let bobs = bob.online().await;
    let message = SendMessage { expires_in_ms: 3_600_000, ..alice.message(conversation, "pushed") };
    alice.client.send(&message).await.unwrap();
    let pushed = bobs
        .hears("the message", |event| if let Event::Entry(entry) = event { Some(entry.clone()) } else { None })
        .await;
    assert_eq!(pushed.content.unwrap().expiring.unwrap().expires_at, pushed.server_ts + 3_600_000);
}
