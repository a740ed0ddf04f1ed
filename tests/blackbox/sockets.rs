//! Opening a WebSocket: greetings, right and wrong.

use std::time::Duration;

use anser_client::{Encoding, Error, Frame, Hello, RawSocket};
use anser_tests::{Person, SOON, TestApp, soon, within};

/// How a connection ends when nothing more is sent.
async fn close_code(mut socket: RawSocket) -> Option<u16> {
    soon("the connection ends", async {
        loop {
            match socket.next().await {
                Ok(_) => {}
                Err(Error::Closed(closed)) => return closed.code,
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await
}

fn hello(person: &Person) -> Hello {
    let tokens = person.client.tokens().unwrap();
    Hello { access_token: tokens.access_token, device_id: tokens.device_id, ..Hello::default() }
}

#[tokio::test]
async fn the_welcome_says_who_and_what_limits() {
    let (_app, alice) = TestApp::with_person("alice").await;
    for encoding in [Encoding::Json, Encoding::Proto] {
        let device = alice.online_in(encoding).await;
        let welcome = device.socket.welcome().clone();
        assert_eq!(welcome.user_id, alice.id.to_vec());
        assert!(!welcome.resumed && !welcome.resume.is_empty() && welcome.server_ts > 0);
        let limits = welcome.limits.unwrap();
        assert_eq!((limits.body_bytes, limits.frame_bytes), (65_536, 262_144));
        assert_eq!((limits.open_requests, limits.unacked_pushes, limits.unacked_push_bytes), (64, 256, 262_144));
        assert_eq!((limits.friends, limits.conversations, limits.group_members), (2_000, 1_000, 10_000));
        assert_eq!((limits.invite_batch, limits.sync_entries), (500, 256));
        assert!(!device.socket.ping().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_socket_without_a_known_sub_protocol_is_refused() {
    let (app, _alice) = TestApp::with_person("alice").await;
    for headers in [&[][..], &[("sec-websocket-protocol", "soap")]] {
        match RawSocket::connect_with(app.url(), Encoding::Json, headers).await {
            Err(Error::Refused(problem)) => {
                assert_eq!((problem.status, problem.code.as_str()), (400, "invalid_argument"))
            }
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("a socket without a sub-protocol was opened"),
        }
    }
    let both = [("sec-websocket-protocol", "anser.v2.other, anser.v1.json")];
    RawSocket::connect_with(app.url(), Encoding::Json, &both).await.unwrap();
}

#[tokio::test]
async fn pages_of_other_origins_do_not_connect() {
    let (app, _alice) = TestApp::with_person("alice").await;
    let with = |origin: String| {
        let url = app.url().to_owned();
        async move {
            let headers = [("sec-websocket-protocol", "anser.v1.json"), ("origin", origin.as_str())];
            RawSocket::connect_with(&url, Encoding::Json, &headers).await.err().and_then(|error| error.code())
        }
    };
    assert_eq!(with("https://evil.example".into()).await, Some(anser_types::Code::Forbidden));
    assert_eq!(with(app.url().to_owned()).await, None);
}

#[tokio::test]
async fn whoever_does_not_say_who_they_are_is_closed() {
    let Some(app) = TestApp::start_with(&["gateway.hello_timeout_ms=200"]).await else { return };
    let silent = RawSocket::connect(app.url(), Encoding::Json).await.unwrap();
    assert_eq!(close_code(silent).await, Some(4408));
}

#[tokio::test]
async fn wrong_greetings_are_closed_with_their_code() {
    let (app, alice) = TestApp::with_person("alice").await;
    let connect = async |encoding| RawSocket::connect(app.url(), encoding).await.unwrap();

    for wrong in [
        Hello { access_token: "nonsense".into(), ..Hello::default() },
        Hello { ticket: "nonsense".into(), ..Hello::default() },
        Hello::default(),
    ] {
        let mut socket = connect(Encoding::Proto).await;
        socket.hello(wrong).await.unwrap();
        assert_eq!(close_code(socket).await, Some(4401));
    }

    let mut socket = connect(Encoding::Json).await;
    socket.ping().await.unwrap();
    assert!(matches!(close_code(socket).await, Some(4400 | 4401)), "the first frame is a greeting");

    let mut socket = connect(Encoding::Json).await;
    socket.send_text("{nonsense").await.unwrap();
    assert_eq!(close_code(socket).await, Some(4400));

    let mut socket = connect(Encoding::Json).await;
    socket.hello(Hello { resume: "x".repeat(8 * 1024), ..hello(&alice) }).await.unwrap();
    assert_eq!(close_code(socket).await, Some(4413), "a greeting has at most 4 KiB");
}

#[tokio::test]
async fn wrong_frames_after_the_greeting_are_closed_with_their_code() {
    let (app, alice) = TestApp::with_person("alice").await;
    let greeted = async |encoding| {
        let mut socket = RawSocket::connect(app.url(), encoding).await.unwrap();
        socket.hello(hello(&alice)).await.unwrap();
        assert!(matches!(soon("the welcome", socket.next()).await, Ok(Frame::Welcome(_))));
        socket
    };
    let mut socket = greeted(Encoding::Json).await;
    socket.send_text("[1,2").await.unwrap();
    assert_eq!(close_code(socket).await, Some(4400));

    let mut socket = greeted(Encoding::Proto).await;
    socket.send_binary(vec![0xff, 0xff, 0xff]).await.unwrap();
    assert_eq!(close_code(socket).await, Some(4400));

    let mut socket = greeted(Encoding::Json).await;
    socket.send_binary(vec![1, 2, 3]).await.unwrap();
    assert_eq!(close_code(socket).await, Some(4400), "binary on the JSON sub-protocol");

    let mut socket = greeted(Encoding::Proto).await;
    socket.hello(hello(&alice)).await.unwrap();
    assert_eq!(close_code(socket).await, Some(4400), "a second greeting");

    let mut socket = greeted(Encoding::Json).await;
    // The server may close before all of it is written.
    let _ = socket.send_text(&"x".repeat(300 * 1024)).await;
    let ended = within(SOON, "the end", async {
        loop {
            match socket.next().await {
                Ok(_) => {}
                Err(Error::Closed(closed)) => return closed.code,
                Err(_) => return None,
            }
        }
    })
    .await;
    assert!(matches!(ended, Some(4413) | None), "{ended:?}");
}

#[tokio::test]
async fn requests_that_nobody_knows_are_unsupported_and_the_connection_lives() {
    let (app, alice) = TestApp::with_person("alice").await;
    let mut socket = RawSocket::connect(app.url(), Encoding::Json).await.unwrap();
    socket.hello(hello(&alice)).await.unwrap();
    soon("the welcome", socket.next()).await.unwrap();
    socket.send_text(r#"{"request":{"id":7,"teleport":{"to":"moon"}}}"#).await.unwrap();
    match soon("the reply", socket.next()).await.unwrap() {
        Frame::Reply(reply) => {
            let anser_client::v1::reply::Outcome::Error(problem) = reply.outcome.unwrap() else { panic!("no error") };
            assert_eq!((reply.id, problem.code.as_str(), problem.retryable), (7, "unsupported", false));
        }
        other => panic!("{other:?}"),
    }
    socket.ping().await.unwrap();
    assert!(matches!(soon("the pong", socket.next()).await.unwrap(), Frame::Pong(_)));
}

#[tokio::test]
async fn many_requests_at_once_are_all_answered_once() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    let sends = (0..500).map(|number| device.socket.send(alice.message(conversation, &number.to_string())));
    let mut seqs: Vec<i64> =
        futures_util::future::join_all(sends).await.into_iter().map(|ack| ack.unwrap().seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), 500);
}

#[tokio::test]
async fn handshakes_beyond_the_rate_are_told_when_to_come_back() {
    let Some(app) = TestApp::start_with(&["gateway.handshakes_per_second=1"]).await else { return };
    let refused = within(Duration::from_secs(5), "a refusal", async {
        loop {
            if let Err(Error::Refused(problem)) = RawSocket::connect(app.url(), Encoding::Json).await {
                return problem;
            }
        }
    })
    .await;
    assert_eq!((refused.status, refused.code.as_str()), (503, "unavailable"));
    assert!(refused.retry_after_ms.is_some());
}

#[tokio::test]
async fn a_peer_that_is_silent_to_pings_is_taken_for_dead() {
    let settings = ["gateway.ping_after_ms=500", "gateway.dead_after_ms=3000"];
    let Some(app) = TestApp::start_with(&settings).await else { return };
    let alice = app.person("alice").await;
    // A client that answers pings stays, however little it says.
    let living = alice.online().await;
    // One whose program hangs is not told by TCP: the kernel goes on acknowledging for it.
    let mut hanging = RawSocket::connect(app.url(), Encoding::Json).await.unwrap();
    hanging.hello(hello(&alice)).await.unwrap();
    soon("it is gone", hanging.ends_unread()).await;
    living.socket.ping().await.unwrap();
}
