//! Single frames: windows and acknowledgements of pushes.

use anser_client::{AckMode, Encoding, Incoming, SocketOptions};
use anser_tests::{Device, TestApp, soon};

#[tokio::test]
async fn pushes_stop_at_the_window_and_go_on_after_an_acknowledgement() {
    let Some(app) = TestApp::start_with(&["gateway.unacked_pushes=3"]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let options = SocketOptions { acks: AckMode::ByHand, encoding: Encoding::Json, ..SocketOptions::default() };
    let device = Device::open(&bob, None, options).await.unwrap();
    for number in 1..=3 {
        alice.says(conversation, &number.to_string()).await;
        device.hears_text(&number.to_string()).await;
    }
    // The window is full now: what follows waits until something is acknowledged, and then comes.
    alice.says(conversation, "4").await;
    device.acks().await;
    device.hears_text("4").await;
    device.acks().await;
    for number in 5..=10 {
        alice.says(conversation, &number.to_string()).await;
        device.hears_text(&number.to_string()).await;
        device.acks().await;
    }
}

#[tokio::test]
async fn pongs_carry_a_resume_point_that_is_as_good_as_a_pushs() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online().await;
    alice.says(conversation, "one").await;
    device.hears_text("one").await;
    let point = device.socket.ping().await.unwrap();
    device.socket.cut().await;
    alice.says(conversation, "two").await;
    let back = bob.back_from(&point).await;
    assert!(back.socket.welcome().resumed);
    let entry = soon("the missed entry", async {
        loop {
            match back.socket.next().await {
                Incoming::Push(push) => {
                    for event in push.events {
                        if let Some(anser_client::v1::event::Event::Entry(entry)) = event.event {
                            if entry.fallback_text == "two" {
                                return entry;
                            }
                            assert_eq!(entry.fallback_text, "one", "at most what was there is repeated");
                        }
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    assert_eq!(entry.conversation_id, conversation.to_vec());
}
