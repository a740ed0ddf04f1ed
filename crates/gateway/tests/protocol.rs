//! `docs/protocol.md` says what the contract says: its listings are the contract's files, and its recorded frames are
//! the same in both encodings.
#![expect(clippy::unwrap_used, reason = "a panic is how tests and their helpers fail")]

use std::{fmt::Write as _, path::PathBuf};

use anser_contract::v1::{ClientFrame, ServerFrame};
use prost::Message;

const UPDATE: &str = "ANSER_UPDATE_SNAPSHOTS";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> String {
    std::fs::read_to_string(root().join("docs/protocol.md")).unwrap()
}

#[test]
fn the_document_has_the_contracts_messages_and_frames_in_both_encodings() {
    let found = document();
    let mut wanted = found.clone();
    for file in ["gateway.proto", "model.proto"] {
        let proto = std::fs::read_to_string(root().join("proto/anser/v1").join(file)).unwrap();
        wanted = listing(&wanted, file, proto.trim_end());
    }
    wanted = with_hex(&wanted);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(root().join("docs/protocol.md"), &wanted).unwrap();
        return;
    }
    assert!(
        found == wanted,
        "docs/protocol.md is not what the contract says; look at the difference and renew it with\n\
         {UPDATE}=1 cargo test -p anser-gateway --test protocol"
    );
}

#[test]
fn recorded_server_frames_are_written_as_the_server_writes_them() {
    let frames = frames(&document());
    assert!(frames.len() >= 16);
    for (title, json) in frames.iter().filter(|(title, _)| title.starts_with("Server")) {
        let frame: ServerFrame = serde_json::from_str(json).unwrap();
        assert_eq!(&serde_json::to_string(&frame).unwrap(), json, "{title}");
    }
}

/// The document with the file's text between its markers.
fn listing(text: &str, file: &str, proto: &str) -> String {
    let (begin, end) = (format!("<!-- begin {file}:"), format!("<!-- end {file} -->"));
    let start = text.find(&begin).unwrap();
    let start = start + text[start..].find("-->\n").unwrap() + "-->\n".len();
    let stop = text.find(&end).unwrap();
    format!("{}```proto\n{proto}\n```\n{}", &text[..start], &text[stop..])
}

/// Title and JSON of each recorded frame.
fn frames(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n#### ").skip(1);
    let json =
        |part: &str| part.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next()).map(str::to_owned);
    parts
        .map(|part| (part.lines().next().unwrap().to_owned(), json(part).expect("a recorded frame has JSON")))
        .collect()
}

/// The document with each frame's protobuf form behind its JSON.
fn with_hex(text: &str) -> String {
    let mut out = text.to_owned();
    for (title, json) in frames(text) {
        let bytes = match title.starts_with("Client") {
            true => serde_json::from_str::<ClientFrame>(&json).unwrap().encode_to_vec(),
            false => serde_json::from_str::<ServerFrame>(&json).unwrap().encode_to_vec(),
        };
        assert!(!bytes.is_empty(), "{title}: JSON that says nothing");
        let mut hex = String::new();
        for line in bytes.chunks(60) {
            line.iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
            hex.push('\n');
        }
        let start = out.find(&format!("\n#### {title}\n")).unwrap();
        let after = start + out[start..].find(&json).unwrap() + json.len() + "\n```\n".len();
        let rest = &out[after..];
        let rest = match rest.strip_prefix("\n```hex\n") {
            Some(old) => old.split_once("\n```\n").unwrap().1,
            None => rest,
        };
        out = format!("{}\n```hex\n{hex}```\n{rest}", &out[..after]);
    }
    out
}
