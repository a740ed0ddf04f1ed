//! The protocol's document: its recorded frames are what the code reads and writes.
//!
//! In docs/protocol.md a heading `Client: …` or `Server: …` says who sends the frame below it; the frame stands there in a
//! block of JSON and then in one of hexadecimal digits, which is the same as protobuf.

use std::path::Path;

use anser_client::{
    Encoding, Hello, RawSocket,
    v1::{ClientFrame, ServerFrame, server_frame},
};
use anser_tests::{TestApp, soon};
use prost::Message as _;
use serde_json::Value;

/// A recorded frame.
#[derive(Default)]
struct Recorded {
    name: String,
    client: bool,
    json: String,
    hex: String,
}

fn recorded() -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut frames, mut block): (Vec<Recorded>, &str) = (Vec::new(), "");
    for line in text.lines() {
        let heading = line.trim_start_matches('#').trim();
        if line.starts_with('#') && (heading.starts_with("Client:") || heading.starts_with("Server:")) {
            let (name, client) = (heading.to_owned(), heading.starts_with("Client:"));
            frames.push(Recorded { name, client, ..Recorded::default() });
        } else if line.starts_with("# ") || line.starts_with("## ") {
            block = "elsewhere";
        } else if let Some(kind) = line.strip_prefix("```") {
            block = kind;
        } else if let Some(frame) = frames.last_mut() {
            match block {
                "json" => frame.json.push_str(line),
                "hex" => frame.hex.push_str(line),
                _ => {}
            }
        }
    }
    assert!(frames.len() >= 10, "docs/protocol.md has {} recorded frames", frames.len());
    frames
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Everything that is recorded must come back: a name that the code does not know would be missing.
fn assert_kept(recorded: &Value, understood: &Value, at: &str) {
    match (recorded, understood) {
        (Value::Object(recorded), Value::Object(understood)) => {
            for (name, value) in recorded {
                let at = format!("{at}.{name}");
                let found = understood.get(name).unwrap_or_else(|| panic!("{at} is not understood"));
                assert_kept(value, found, &at);
            }
        }
        (Value::Array(recorded), Value::Array(understood)) => {
            assert_eq!(recorded.len(), understood.len(), "{at}");
            for (recorded, understood) in recorded.iter().zip(understood) {
                assert_kept(recorded, understood, at);
            }
        }
        (recorded, understood) => assert_eq!(recorded, understood, "{at}"),
    }
}

#[test]
fn recorded_json_frames_are_understood_to_the_last_field() {
    for Recorded { name, client, json, .. } in recorded() {
        let value: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
        let understood = if client {
            serde_json::to_value(serde_json::from_str::<ClientFrame>(&json).unwrap()).unwrap()
        } else {
            serde_json::to_value(serde_json::from_str::<ServerFrame>(&json).unwrap()).unwrap()
        };
        assert_kept(&value, &understood, &name);
    }
}

#[test]
fn recorded_protobuf_frames_say_the_same() {
    for Recorded { name, client, json, hex } in recorded() {
        let bytes = bytes(&hex);
        if client {
            let frame: ClientFrame = serde_json::from_str(&json).unwrap();
            assert_eq!(ClientFrame::decode(&bytes[..]).unwrap(), frame, "{name}");
            assert_eq!(frame.encode_to_vec(), bytes, "{name}");
        } else {
            let frame: ServerFrame = serde_json::from_str(&json).unwrap();
            assert_eq!(ServerFrame::decode(&bytes[..]).unwrap(), frame, "{name}");
        }
    }
}

#[tokio::test]
async fn recorded_requests_are_answered_by_a_server_of_today() {
    let (app, alice) = TestApp::with_person("alice").await;
    let tokens = alice.client.tokens().unwrap();
    for encoding in [Encoding::Json, Encoding::Proto] {
        let mut socket = RawSocket::connect(app.url(), encoding).await.unwrap();
        let (access_token, device_id) = (tokens.access_token.clone(), tokens.device_id.clone());
        socket.hello(Hello { access_token, device_id, ..Hello::default() }).await.unwrap();
        assert!(matches!(soon("the welcome", socket.next()).await.unwrap(), server_frame::Frame::Welcome(_)));
        for frame in recorded().iter().filter(|frame| frame.client && frame.json.contains("\"request\"")) {
            match encoding {
                Encoding::Json => socket.send_text(&frame.json).await.unwrap(),
                Encoding::Proto => socket.send_binary(bytes(&frame.hex)).await.unwrap(),
            }
            let server_frame::Frame::Reply(reply) = soon("the reply", socket.next()).await.unwrap() else {
                panic!("{} was not answered by a reply", frame.name);
            };
            let asked: Value = serde_json::from_str(&frame.json).unwrap();
            assert_eq!(u64::from(reply.id), asked["request"]["id"].as_u64().unwrap(), "{}", frame.name);
            // The ids in the document are nobody's, so most answers are refusals; each is understood all the same.
            if let Some(anser_client::v1::reply::Outcome::Error(problem)) = reply.outcome {
                assert!(
                    ["not_found", "invalid_argument"].contains(&problem.code.as_str()),
                    "{}: {problem:?}",
                    frame.name
                );
            }
        }
        socket.ping().await.unwrap();
        assert!(matches!(soon("the pong", socket.next()).await.unwrap(), server_frame::Frame::Pong(_)));
    }
}
