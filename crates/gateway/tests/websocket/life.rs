//! Coming in, being there, going away.

use std::time::Duration;

use anser_contract::v1::{SessionClaims, SessionRevoked, server_frame::Frame, service_event};
use anser_types::SessionId;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{BOTH, Came, Client, Encoding, handshake},
    town::{ALICE, BOB, Town},
};

#[tokio::test]
async fn a_handshake_needs_a_known_protocol_and_an_allowed_page() {
    let town = Town::start_with(|options| options.allowed_origins = vec!["https://app.example".into()]).await;
    let json = ("sec-websocket-protocol", "anser.v1.json");
    assert_eq!(handshake(town.address, &[]).await, 400);
    assert_eq!(handshake(town.address, &[json]).await, 101);
    assert_eq!(handshake(town.address, &[json, ("origin", "https://app.example")]).await, 101);
    assert_eq!(handshake(town.address, &[json, ("origin", "https://evil.example")]).await, 403);
    assert_eq!(handshake(town.address, &[json, ("origin", &format!("http://{}", town.address))]).await, 101);
}

#[tokio::test]
async fn a_welcome_tells_who_and_the_limits() {
    let town = Town::start().await;
    for encoding in BOTH {
        let client = town.connect(ALICE, encoding).await;
        let welcome = client.welcome.unwrap();
        assert_eq!((welcome.user_id, welcome.session_id), (ALICE.to_vec(), vec![1; 16]));
        assert!(!welcome.resumed && !welcome.resume.is_empty());
        assert_eq!(welcome.limits.unwrap().open_requests, 64);
    }
}

#[tokio::test]
async fn who_does_not_say_who_they_are_is_turned_away() {
    let town = Town::start_with(|options| options.timings.hello = Duration::from_millis(200)).await;
    let mut silent = Client::open(town.address, Encoding::Json).await;
    assert_eq!(silent.close_code().await, 4408);

    let mut liar = Client::open(town.address, Encoding::Proto).await;
    liar.hello("not.a.token", "").await;
    assert_eq!(liar.close_code().await, 4401);

    let mut late = Client::open(town.address, Encoding::Json).await;
    let expired = town.auth.token(ALICE, SessionId([1; 16]), |claims| claims["exp"] = 1_000.into());
    late.hello(&expired, "").await;
    assert_eq!(late.close_code().await, 4401);

    let mut foreign = Client::open(town.address, Encoding::Json).await;
    let other = town.auth.token(ALICE, SessionId([1; 16]), |claims| claims["aud"] = "others".into());
    foreign.hello(&other, "").await;
    assert_eq!(foreign.close_code().await, 4401);

    let mut early = Client::open(town.address, Encoding::Json).await;
    early.ping().await;
    assert_eq!(early.close_code().await, 4400);

    let mut long = Client::open(town.address, Encoding::Json).await;
    long.hello(&"x".repeat(5_000), "").await;
    assert_eq!(long.close_code().await, 4413);
}

#[tokio::test]
async fn a_ticket_is_good_once() {
    let town = Town::start().await;
    let claims = SessionClaims { user_id: ALICE.to_vec(), session_id: vec![1; 16], device_id: "d".into() };
    town.auth.tickets.lock().insert("t1".into(), claims);
    let mut first = Client::open(town.address, Encoding::Json).await;
    first.ticket("t1").await;
    first.welcome().await;
    let mut second = Client::open(town.address, Encoding::Json).await;
    second.ticket("t1").await;
    assert_eq!(second.close_code().await, 4401);
}

#[tokio::test]
async fn malformed_frames_and_large_ones_end_the_connection() {
    let town = Town::start().await;
    let mut json = town.connect(ALICE, Encoding::Json).await;
    json.send_raw(Message::text("{")).await;
    assert_eq!(json.close_code().await, 4400);

    let mut wrong_kind = town.connect(ALICE, Encoding::Json).await;
    wrong_kind.send_raw(Message::binary(vec![1])).await;
    assert_eq!(wrong_kind.close_code().await, 4400);

    let mut proto = town.connect(ALICE, Encoding::Proto).await;
    proto.send_raw(Message::binary(vec![0xff; 3])).await;
    assert_eq!(proto.close_code().await, 4400);

    let mut large = town.connect(ALICE, Encoding::Json).await;
    large.send_raw(Message::text(" ".repeat((256 << 10) + 1))).await;
    assert_eq!(large.close_code().await, 4413);
}

#[tokio::test]
async fn unknown_things_are_answered_or_ignored() {
    let town = Town::start().await;
    let mut client = town.connect(ALICE, Encoding::Json).await;
    client.send_raw(Message::text(r#"{"request":{"id":5,"dance":{}}}"#)).await;
    assert_eq!(client.error_code().await, "unsupported");
    client.send_raw(Message::text(r#"{"wave":{}}"#)).await;
    client.send_raw(Message::text(r#"{"request":{"id":6,"send":{"conversation_id":"??"}}}"#)).await;
    assert_eq!(client.error_code().await, "invalid_argument");
}

#[tokio::test]
async fn a_fifth_socket_of_a_session_closes_the_first() {
    let town = Town::start().await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(town.connect(ALICE, Encoding::Proto).await);
    }
    assert_eq!(sockets[0].close_code().await, 4409);
    sockets[1].ping().await;
    assert!(matches!(sockets[1].frame().await, Frame::Pong(_)));
}

#[tokio::test]
async fn the_end_of_a_session_closes_its_sockets_and_refuses_its_tokens() {
    let town = Town::start().await;
    let mut client = town.connect(ALICE, Encoding::Json).await;
    let mut other = town.connect(BOB, Encoding::Json).await;
    let revoked =
        SessionRevoked { user_id: ALICE.to_vec(), session_id: vec![1; 16], reason: "logged_out".into(), at: 0 };
    let begun = Instant::now();
    town.events.tell(service_event::Event::SessionRevoked(revoked)).await;
    assert_eq!(client.close_code().await, 4410);
    assert!(begun.elapsed() < Duration::from_secs(1));

    let token = town.token(ALICE, 1);
    assert!(town.gateway.identities.verify(&token).await.is_err());
    let mut again = Client::open(town.address, Encoding::Json).await;
    again.hello(&token, "").await;
    assert_eq!(again.close_code().await, 4401);
    other.ping().await;
    assert!(matches!(other.frame().await, Frame::Pong(_)));
}

#[tokio::test]
async fn ends_that_were_missed_are_found_after_the_stream_of_events_broke() {
    let town = Town::start().await;
    let mut client = town.connect(ALICE, Encoding::Json).await;
    town.auth.ended.lock().push(SessionId([1; 16]));
    town.events.break_off();
    assert_eq!(client.close_code().await, 4410);
}

#[tokio::test]
async fn silence_is_pinged_and_then_given_up() {
    let town = Town::start_with(|options| {
        options.timings.ping_after = Duration::from_millis(150);
        options.timings.dead_after = Duration::from_millis(600);
    })
    .await;
    let mut alive = town.connect(ALICE, Encoding::Json).await;
    assert!(matches!(alive.next().await, Came::Ping));
    // A peer that answers nothing: its client is never polled again.
    let dead = town.connect(BOB, Encoding::Json).await;
    let until = Instant::now() + Duration::from_millis(1_200);
    while Instant::now() < until {
        if let Ok(came) = tokio::time::timeout(Duration::from_millis(100), alive.next()).await {
            assert!(matches!(came, Came::Ping), "{came:?}");
        }
    }
    assert!(!town.messages.attached(BOB), "the dead peer is gone");
    assert!(town.messages.attached(ALICE));
    drop(dead);
}

#[tokio::test]
async fn pings_are_answered_and_a_close_is_returned() {
    let town = Town::start().await;
    let mut client = town.connect(ALICE, Encoding::Json).await;
    client.send_raw(Message::Ping(b"you?".to_vec().into())).await;
    assert!(matches!(client.next().await, Came::Pong(payload) if payload == b"you?"));
    client.ping().await;
    assert!(matches!(client.frame().await, Frame::Pong(pong) if !pong.resume.is_empty()));
    client.wire.close(None).await.unwrap();
    assert!(matches!(client.next().await, Came::Close(_)));
    assert!(matches!(client.next().await, Came::End));
    sleep(Duration::from_millis(100)).await;
    assert!(!town.messages.attached(ALICE));
}

#[tokio::test]
async fn draining_tells_everybody_and_then_closes() {
    let town = Town::start().await;
    let mut client = town.connect(ALICE, Encoding::Proto).await;
    let gateway = town.gateway.clone();
    let drain = tokio::spawn(async move { gateway.drain(1_000).await });
    assert!(matches!(client.frame().await, Frame::Reconnect(told) if told.after_ms >= 500));
    assert_eq!(client.close_code().await, 1012);
    drain.await.unwrap();
    let headers = [("sec-websocket-protocol", "anser.v1.json")];
    assert_eq!(handshake(town.address, &headers).await, 503);
}

#[tokio::test]
async fn too_many_handshakes_at_once_are_told_to_come_later() {
    let town = Town::start_with(|options| options.handshakes_per_second = 2).await;
    let headers = [("sec-websocket-protocol", "anser.v1.json")];
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(handshake(town.address, &headers).await.as_u16());
    }
    assert_eq!(statuses[..2], [101, 101]);
    assert!(statuses[2..].contains(&503), "{statuses:?}");
}

#[tokio::test]
async fn the_recorded_frames_of_the_document_are_understood() {
    let town = Town::start().await;
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md")).unwrap();
    let block = |part: &str, kind: &str| {
        let start = part.split(&format!("```{kind}\n")).nth(1).unwrap();
        start.split("\n```").next().unwrap().replace('\n', "")
    };
    let recorded: Vec<(String, Vec<u8>)> = document
        .split("\n#### Client: ")
        .skip(1)
        .filter(|part| !part.starts_with("hello"))
        .map(|part| {
            let hex = block(part, "hex");
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (block(part, "json"), (0..hex.len()).step_by(2).map(byte).collect())
        })
        .collect();
    let requests = recorded.iter().filter(|(json, _)| json.contains("request")).count();
    for encoding in BOTH {
        let mut client = town.connect(ALICE, encoding).await;
        for (json, proto) in &recorded {
            client
                .send_raw(match encoding {
                    Encoding::Json => Message::text(json.clone()),
                    Encoding::Proto => Message::binary(proto.clone()),
                })
                .await;
        }
        let (mut replies, mut pongs) = (0, 0);
        while (replies, pongs) != (requests, 1) {
            match client.frame().await {
                Frame::Reply(_) => replies += 1,
                Frame::Pong(_) => pongs += 1,
                _ => {}
            }
        }
    }
}
