//! SIGTERM: clients are told, nothing fails, the process ends well.

use anser_client::Incoming;
use anser_tests::{SOON, TestApp};

#[tokio::test]
async fn clients_are_told_to_come_back_and_the_process_ends_with_zero() {
    let Some(app) = TestApp::start_with(&["gateway.reconnect_spread_ms=100"]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let (alices, bobs) = (alice.online().await, bob.online().await);
    alices.socket.send_text(conversation, "last words").await.unwrap();
    bobs.hears_text("last words").await;
    let point = bobs.resume_point().await;
    app.terminate_gateway();
    for device in [&alices, &bobs] {
        match device.hears_frame("to be told to come back").await {
            Incoming::Reconnect(after) => assert!(after.as_millis() <= 200, "about a tenth of a second"),
            other => panic!("{other:?}"),
        }
        assert_eq!(device.ends_within(SOON).await.code, Some(1012));
    }
    assert_eq!(app.gateway_exit_code().await, Some(0));

    app.crash();
    app.start_again().await;
    let back = bob.back_from(&point).await;
    assert!(back.socket.welcome().resumed);
    alice.says(conversation, "we are back").await;
    loop {
        let entry = back.hears_entry().await;
        if entry.fallback_text == "we are back" {
            break;
        }
        assert_eq!(entry.fallback_text, "last words");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let Some(app) = TestApp::start_with(&["gateway.reconnect_spread_ms=60000", "server.drain_ms=60000"]).await else {
        return;
    };
    let alice = app.person("alice").await;
    let device = alice.online().await;
    app.terminate_gateway();
    assert!(matches!(device.hears_frame("to be told").await, Incoming::Reconnect(_)));
    app.terminate_gateway();
    // 128 + SIGTERM; or it had finished before the second one came.
    assert!(matches!(app.gateway_exit_code().await, Some(143 | 0)));
}
