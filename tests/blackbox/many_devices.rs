//! All devices of a person see the same.

use anser_client::{Encoding, v1::event::Event};
use anser_tests::TestApp;

#[tokio::test]
async fn the_senders_other_devices_get_the_message_too() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let phone = alice.online_in(Encoding::Json).await;
    let tablet = alice.on_another_device().await.online_in(Encoding::Proto).await;
    let bobs = [bob.online().await, bob.on_another_device().await.online().await];
    let ack = phone.socket.send_text(conversation, "from my phone").await.unwrap();
    let entry = tablet.hears_text("from my phone").await;
    assert_eq!((entry.seq, entry.sender_id), (ack.seq, alice.id.to_vec()));
    for device in &bobs {
        assert_eq!(device.hears_text("from my phone").await.seq, ack.seq);
    }
}

#[tokio::test]
async fn two_sockets_of_one_session_are_two_listeners() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let (one_tab, other_tab) = (alice.online().await, alice.online().await);
    let ack = one_tab.socket.send_text(conversation, "typed here").await.unwrap();
    let own = one_tab
        .hears("the own entry", |event| match event {
            Event::OwnEntry(own) => Some(own.seq),
            _ => None,
        })
        .await;
    assert_eq!(own, ack.seq);
    assert_eq!(other_tab.hears_text("typed here").await.seq, ack.seq);
}

#[tokio::test]
async fn the_fifth_socket_of_a_session_closes_the_first() {
    let (_app, alice) = TestApp::with_person("alice").await;
    let first = alice.online().await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(alice.online().await);
    }
    assert_eq!(first.ends_within(anser_tests::SOON).await.code, Some(4409));
    for other in &others {
        other.socket.ping().await.unwrap();
    }
}
