//! A crash: nothing that was acknowledged is gone, and everything else goes on.

use anser_client::{Connection, Notice, SocketOptions, v1::event::Event};
use anser_tests::{TestApp, soon, texts};

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_retries_are_recognised() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    let messages: Vec<_> = (0..50).map(|number| alice.message(conversation, &number.to_string())).collect();
    let acks = device.socket.send_all(messages.clone()).await;
    app.crash();
    app.start_again().await;

    let log = bob.syncs(conversation).await;
    for (message, ack) in messages.iter().zip(acks) {
        let ack = ack.unwrap();
        let entry = log.entries.iter().find(|entry| entry.client_msg_id == message.client_msg_id).unwrap();
        assert_eq!((entry.seq, entry.server_ts), (ack.seq, ack.server_ts));
        let retry = alice.client.send(message).await.unwrap();
        assert_eq!((retry.seq, retry.dup), (ack.seq, true));
    }
    let next = alice.says(conversation, "and on").await;
    assert_eq!(next.seq, log.head_seq + 1);
    assert_eq!(texts(&bob.history(conversation).await).len(), 51);
}

#[tokio::test]
async fn sessions_friends_and_groups_are_still_there() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let group = alice.group("lasting", &[&bob]).await;
    let me = bob.client.sync_me("").await.unwrap().next_token;
    let heads = bob.client.sync_heads("", 0).await.unwrap().next_token;
    app.crash();
    app.start_again().await;
    assert_eq!(alice.client.profile().await.unwrap().username, alice.username);
    assert_eq!(bob.sees(group).await.title, "lasting");
    assert_eq!(bob.client.friends(0, "").await.unwrap().items.len(), 1);
    // Tokens of before are still good.
    assert!(bob.client.sync_me(&me).await.unwrap().friends.is_empty());
    let moved = bob.client.sync_heads(&heads, 0).await.unwrap().items;
    assert!(moved.len() <= 1, "the direct conversation did not move");
    bob.client.refresh().await.unwrap();
}

#[tokio::test]
async fn a_session_that_ended_before_a_crash_stays_ended() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    let other = alice.on_another_device().await;
    other.client.logout().await.unwrap();
    app.crash();
    app.start_again().await;
    assert_eq!(anser_tests::code(other.client.profile().await), anser_types::Code::Unauthenticated);
    alice.client.profile().await.unwrap();
}

#[tokio::test]
async fn a_connection_comes_back_by_itself_and_misses_nothing() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let mut connection = Connection::open(bob.client.clone(), SocketOptions::default());
    assert!(matches!(soon("online", connection.next()).await, Some(Notice::Online(_))));
    alice.says(conversation, "before").await;
    app.crash();
    app.start_again().await;
    alice.says(conversation, "after").await;
    let (mut heard, mut offline, mut resumed) = (Vec::new(), 0, false);
    let all = async {
        while !heard.contains(&"after".to_owned()) {
            match connection.next().await.unwrap() {
                Notice::Push(push) => heard.extend(push.events.into_iter().filter_map(|event| match event.event {
                    Some(Event::Entry(entry)) => Some(entry.fallback_text),
                    _ => None,
                })),
                Notice::Offline { .. } => offline += 1,
                Notice::Online(welcome) => resumed = welcome.resumed,
                other => panic!("{other:?}"),
            }
        }
    };
    anser_tests::within(std::time::Duration::from_secs(30), "everything is heard", all).await;
    heard.dedup();
    assert_eq!(heard, ["before", "after"]);
    assert!(offline >= 1 && resumed);
    connection.online().await.unwrap().send_text(conversation, "here I am").await.unwrap();

    bob.client.logout().await.unwrap();
    while let Some(notice) = soon("the end", connection.next()).await {
        if let Notice::Ended(_) = notice {
            break;
        }
    }
    assert!(soon("nothing more", connection.next()).await.is_none());
}
