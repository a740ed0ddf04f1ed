//! The protocol's document: its recorded frames are what the code reads and writes.
//!
//! In docs/protocol.md a recorded frame is a line of JSON in a block marked `json client` or `json server`, according to
//! who sends it. A block marked `hex client` or `hex server` holds the same frames as protobuf, in the same order, where
//! one follows at once.

use std::path::Path;

use anser_client::{
    Encoding, Hello, RawSocket,
    v1::{ClientFrame, ServerFrame, client_frame, server_frame},
};
use anser_tests::{TestApp, soon};
use prost::Message as _;
use serde_json::Value;

/// One block of recorded frames.
struct Block {
    line: usize,
    encoding: Encoding,
    client: bool,
    frames: Vec<String>,
}

fn recorded() -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut blocks, mut open): (Vec<Block>, bool) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        match line.trim().strip_prefix("```") {
            Some(mark) => {
                let kind = match mark.trim() {
                    "json client" => Some((Encoding::Json, true)),
                    "json server" => Some((Encoding::Json, false)),
                    "hex client" => Some((Encoding::Proto, true)),
                    "hex server" => Some((Encoding::Proto, false)),
                    _ => None,
                };
                open = kind.is_some();
                if let Some((encoding, client)) = kind {
                    blocks.push(Block { line: index + 1, encoding, client, frames: Vec::new() });
                }
            }
            None if open && !line.trim().is_empty() => blocks.last_mut().unwrap().frames.push(line.trim().to_owned()),
            None => {}
        }
    }
    blocks
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
    let blocks = recorded();
    let mut count = 0;
    for block in blocks.iter().filter(|block| block.encoding == Encoding::Json) {
        for frame in &block.frames {
            let at = format!("docs/protocol.md, block at line {}", block.line);
            let value: Value = serde_json::from_str(frame).unwrap_or_else(|error| panic!("{at}: {error}"));
            let understood = if block.client {
                serde_json::to_value(serde_json::from_str::<ClientFrame>(frame).unwrap()).unwrap()
            } else {
                serde_json::to_value(serde_json::from_str::<ServerFrame>(frame).unwrap()).unwrap()
            };
            assert_kept(&value, &understood, &at);
            count += 1;
        }
    }
    assert!(count >= 10, "docs/protocol.md has {count} recorded frames");
}

#[test]
fn recorded_protobuf_frames_are_the_json_frames_before_them() {
    for pair in recorded().windows(2) {
        let [json, hex] = pair else { continue };
        if (json.encoding, hex.encoding) != (Encoding::Json, Encoding::Proto) {
            continue;
        }
        assert_eq!(json.client, hex.client, "line {}", hex.line);
        for (text, hex_text) in json.frames.iter().zip(&hex.frames) {
            let bytes = bytes(hex_text);
            if json.client {
                let frame: ClientFrame = serde_json::from_str(text).unwrap();
                assert_eq!(ClientFrame::decode(&bytes[..]).unwrap(), frame, "line {}", hex.line);
            } else {
                let frame: ServerFrame = serde_json::from_str(text).unwrap();
                assert_eq!(ServerFrame::decode(&bytes[..]).unwrap(), frame, "line {}", hex.line);
            }
        }
    }
}

#[tokio::test]
async fn recorded_requests_are_answered_by_a_server_of_today() {
    let (app, alice) = TestApp::with_person("alice").await;
    let tokens = alice.client.tokens().unwrap();
    let mut socket = RawSocket::connect(app.url(), Encoding::Json).await.unwrap();
    let hello = Hello { access_token: tokens.access_token, device_id: tokens.device_id, ..Hello::default() };
    socket.hello(hello).await.unwrap();
    assert!(matches!(soon("the welcome", socket.next()).await.unwrap(), server_frame::Frame::Welcome(_)));
    for block in recorded().iter().filter(|block| block.encoding == Encoding::Json && block.client) {
        for text in &block.frames {
            let frame: ClientFrame = serde_json::from_str(text).unwrap();
            let Some(client_frame::Frame::Request(request)) = frame.frame else { continue };
            socket.send_text(text).await.unwrap();
            match soon("the reply", socket.next()).await.unwrap() {
                // The ids in the document are nobody's, so most answers are refusals; each is an answer all the same.
                server_frame::Frame::Reply(reply) => {
                    assert_eq!(reply.id, request.id);
                    if let Some(anser_client::v1::reply::Outcome::Error(problem)) = reply.outcome {
                        assert_ne!(problem.code, "unsupported", "{text}");
                        assert_ne!(problem.code, "internal", "{text}");
                    }
                }
                other => panic!("{text} was answered by {other:?}"),
            }
        }
    }
}
