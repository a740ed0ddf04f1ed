//! Sending: durable, in one order, effectively once; and the history.

use anser_client::{
    Encoding,
    http::{Range, custom_message},
    v1::{Content, Custom, Joined, SendMessage, content::Kind, event::Event},
};
use anser_tests::{TestApp, code, texts};
use anser_types::{Code, MessageId};

#[tokio::test]
async fn a_message_is_acknowledged_and_delivered_in_both_encodings() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    for (mine, theirs) in [(Encoding::Json, Encoding::Proto), (Encoding::Proto, Encoding::Json)] {
        let (alices, bobs) = (alice.online_in(mine).await, bob.online_in(theirs).await);
        let message = alice.message(conversation, "héllo 你好");
        let ack = alices.socket.send(message.clone()).await.unwrap();
        assert_eq!((&ack.client_msg_id, &ack.conversation_id), (&message.client_msg_id, &message.conversation_id));
        assert!(!ack.dup && ack.server_ts > 0);

        let entry = bobs.hears_text("héllo 你好").await;
        assert_eq!((entry.seq, entry.server_ts), (ack.seq, ack.server_ts));
        assert_eq!((entry.sender_id, entry.client_msg_id), (alice.id.to_vec(), message.client_msg_id.clone()));
        assert!(entry.countable);
        // Her own connection is told the place only: she has the text.
        let own = alices
            .hears("her own entry", |event| match event {
                Event::OwnEntry(own) => Some(own.clone()),
                Event::Entry(entry) => panic!("her own text came back: {entry:?}"),
                _ => None,
            })
            .await;
        assert_eq!((own.seq, own.client_msg_id), (ack.seq, message.client_msg_id));
    }
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_again_on_any_way_and_another_payload_is_refused() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let message = alice.message(conversation, "once");
    let first = alice.client.send(&message).await.unwrap();
    let device = alice.online_in(Encoding::Proto).await;
    let other = alice.on_another_device().await.online_in(Encoding::Json).await;
    for retry in [
        alice.client.send(&message).await.unwrap(),
        device.socket.send(message.clone()).await.unwrap(),
        other.socket.send(message.clone()).await.unwrap(),
    ] {
        assert!(retry.dup);
        assert_eq!((retry.seq, retry.server_ts), (first.seq, first.server_ts));
    }
    let mut another = alice.message(conversation, "something else");
    another.client_msg_id = message.client_msg_id.clone();
    assert_eq!(code(device.socket.send(another.clone()).await), Code::IdempotencyConflict);
    assert_eq!(code(alice.client.send(&another).await), Code::IdempotencyConflict);
    assert_eq!(texts(&bob.history(conversation).await), ["once"]);

    // The key is the sender's: the same one of somebody else is another message.
    another.client_msg_id = message.client_msg_id;
    assert!(!bob.client.send(&another).await.unwrap().dup);
}

#[tokio::test]
async fn one_message_sent_twice_at_once_is_stored_once() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let (one, two) = (alice.online().await, alice.on_another_device().await.online().await);
    for _ in 0..20 {
        let message = alice.message(conversation, "twice");
        let (a, b) = tokio::join!(one.socket.send(message.clone()), two.socket.send(message));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.seq, b.seq);
        assert_eq!(usize::from(a.dup) + usize::from(b.dup), 1);
    }
    assert_eq!(texts(&bob.history(conversation).await).len(), 20);
}

#[tokio::test]
async fn what_nobody_knows_passes_through() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online_in(Encoding::Json).await;
    let key = MessageId::new(alice.client.clock());
    let payload = r#"{"x":[1,2],"text":"not ours"}"#;
    alice.client.send(&custom_message(conversation, key, "poll", payload, "a poll")).await.unwrap();
    let entry = device.hears_entry().await;
    assert_eq!(entry.fallback_text, "a poll");
    let custom = Custom { r#type: "poll".into(), payload: payload.into(), fallback_text: "a poll".into() };
    assert_eq!(entry.content.unwrap().kind, Some(Kind::Custom(custom)));
    assert!(entry.countable);
}

#[tokio::test]
async fn messages_that_are_none_are_refused() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    let with = |content: Option<Content>| SendMessage { content, ..alice.message(conversation, "") };
    let notice = Content::from(Kind::Joined(Joined { user_ids: vec![bob.id.to_vec()] }));
    let wrong = [
        ("no content", with(None)),
        ("no text", alice.message(conversation, "")),
        ("a notice", with(Some(notice))),
        ("a key that is none", SendMessage { client_msg_id: vec![1, 2, 3], ..alice.message(conversation, "x") }),
        ("no conversation", SendMessage { conversation_id: Vec::new(), ..alice.message(conversation, "x") }),
    ];
    for (what, message) in wrong {
        let refused = device.socket.send(message).await;
        assert!(matches!(code(refused), Code::InvalidArgument | Code::Unsupported), "{what}");
    }
    let large = alice.message(conversation, &"x".repeat(64 * 1024 + 1));
    assert_eq!(code(device.socket.send(large.clone()).await), Code::TooLarge);
    assert_eq!(code(alice.client.send(&large).await), Code::TooLarge);
    let full = alice.message(conversation, &"x".repeat(63 * 1024));
    device.socket.send(full).await.unwrap();
    assert_eq!(bob.history(conversation).await.iter().filter(|entry| entry.countable).count(), 1);
}

#[tokio::test]
async fn everybody_sees_one_order() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let (bob, carol) = (app.person("bob").await, app.person("carol").await);
    alice.befriends(&bob).await;
    alice.befriends(&carol).await;
    let group = alice.group("crowd", &[&bob, &carol]).await;
    let devices = [alice.online().await, bob.online().await, carol.online().await];
    let watcher = carol.on_another_device().await.online().await;
    let people = [&alice, &bob, &carol];
    let sends = devices.iter().zip(people).map(|(device, person)| async move {
        let messages = (0..30).map(|number| person.message(group, &format!("{} {number}", person.username))).collect();
        device.socket.send_all(messages).await.into_iter().map(|ack| ack.unwrap().seq).collect::<Vec<_>>()
    });
    let acks = futures_util::future::join_all(sends).await;
    for seqs in &acks {
        assert!(seqs.is_sorted(), "one connection's messages stand in the order they were sent in");
    }
    let log = alice.syncs(group).await.entries;
    let mut heard = Vec::new();
    while heard.len() < 90 {
        let entry = watcher.hears_entry().await;
        heard.push(entry);
    }
    let stored: Vec<_> = log.iter().filter(|entry| entry.countable).cloned().collect();
    assert_eq!(heard, stored, "pushes and the log say the same, to the last field");
    assert_eq!(carol.syncs(group).await.entries, log);
    assert!(log.windows(2).all(|two| two[0].seq + 1 == two[1].seq && two[0].server_ts <= two[1].server_ts));
}

#[tokio::test]
async fn history_comes_in_pages_from_anywhere() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    let messages = (1..=30).map(|number| alice.message(conversation, &number.to_string())).collect();
    let acks: Vec<_> = device.socket.send_all(messages).await.into_iter().map(Result::unwrap).collect();
    let first = acks[0].seq;
    let page = async |range: Range| {
        let page = bob.client.history(conversation, range).await.unwrap();
        (texts(&page.items).iter().map(|text| text.parse().unwrap()).collect::<Vec<i64>>(), page.has_more)
    };
    assert_eq!(page(Range { limit: 3, ..Range::default() }).await, (vec![28, 29, 30], true));
    let before = Range { before_seq: first + 10, limit: 4, ..Range::default() };
    assert_eq!(page(before).await, (vec![7, 8, 9, 10], true));
    let after = Range { after_seq: first + 10, limit: 4, ..Range::default() };
    assert_eq!(page(after).await, (vec![12, 13, 14, 15], true));
    let (all, more) = page(Range { limit: 200, ..Range::default() }).await;
    assert_eq!((all.len(), more), (30, false));
    let none = Range { until_at: acks[0].server_ts, limit: 200, ..Range::default() };
    assert!(page(none).await.0.is_empty());
    let since = Range { from_at: acks[29].server_ts, limit: 200, ..Range::default() };
    assert_eq!(page(since).await.0.last(), Some(&30));
}

#[tokio::test]
async fn sends_over_http_reach_sockets_and_the_other_way_round() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online().await;
    alice.says(conversation, "from http").await;
    device.hears_text("from http").await;
    device.socket.send_text(conversation, "from the socket").await.unwrap();
    assert_eq!(texts(&alice.history(conversation).await), ["from http", "from the socket"]);
}
