//! Framing against another implementation's headers, torn in every place, and against noise.

use proptest::prelude::*;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use super::*;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

fn own(message: Message<'_>) -> Owned {
    match message {
        Message::Text(text) => Owned::Text(text.into()),
        Message::Binary(bytes) => Owned::Binary(bytes.into()),
        Message::Ping(bytes) => Owned::Ping(bytes.into()),
        Message::Pong => Owned::Pong,
        Message::Close(code) => Owned::Close(code),
    }
}

/// A client's frame, its header written by a library of others.
fn frame(opcode: OpCode, last: bool, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 0xfe, 37, 200];
    let header = FrameHeader { is_final: last, opcode, mask: Some(mask), ..FrameHeader::default() };
    let mut out = Vec::new();
    header.format(payload.len() as u64, &mut out).expect("a vector takes everything");
    out.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
    out
}

fn text(payload: &str) -> Vec<u8> {
    frame(OpCode::Data(Data::Text), true, payload.as_bytes())
}

fn bounds(bytes: u32) -> Bounds {
    Bounds { bytes, fragments: 1_000 }
}

/// Feeds `bytes` in pieces that end at `cuts`.
fn decode(bytes: &[u8], cuts: &[usize], limit: u32) -> Result<Vec<Owned>, Violation> {
    let mut decoder = Decoder::new(bounds(limit));
    let mut out = Vec::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&bytes.len()]) {
        let mut piece = bytes[start..end].to_vec();
        let mut rest = &mut piece[..];
        while let Some(message) = decoder.next(&mut rest)? {
            out.push(own(message));
        }
        assert!(rest.is_empty());
        start = end;
    }
    Ok(out)
}

#[test]
fn a_control_frame_may_stand_between_fragments() {
    let mut bytes = frame(OpCode::Data(Data::Text), false, "grü".as_bytes());
    bytes.extend(frame(OpCode::Control(Control::Ping), true, b"here?"));
    bytes.extend(frame(OpCode::Data(Data::Continue), false, b""));
    bytes.extend(frame(OpCode::Data(Data::Continue), true, "ße".as_bytes()));
    let expected = vec![Owned::Ping(b"here?".to_vec()), Owned::Text("grüße".into())];
    assert_eq!(decode(&bytes, &[], 100), Ok(expected));
}

#[test]
fn a_character_may_be_torn_between_fragments() {
    let (head, tail) = "é".as_bytes().split_at(1);
    let mut bytes = frame(OpCode::Data(Data::Text), false, head);
    bytes.extend(frame(OpCode::Data(Data::Continue), true, tail));
    assert_eq!(decode(&bytes, &[], 100), Ok(vec![Owned::Text("é".into())]));
    assert!(decode(&frame(OpCode::Data(Data::Text), true, head), &[], 100).is_err());
}

#[test]
fn what_a_client_may_not_send_is_refused() {
    let malformed = |bytes: &[u8]| matches!(decode(bytes, &[], 1 << 20), Err(Violation::Malformed(_)));
    assert!(malformed(&[0x81, 0x01, b'x']), "not masked");
    assert!(malformed(&[0xc1, 0x80]), "reserved bit");
    assert!(malformed(&[0x83, 0x80]), "unknown opcode");
    assert!(malformed(&[0x09, 0x80]), "fragmented ping");
    assert!(malformed(&[0x89, 0xfe]), "long ping");
    assert!(malformed(&[0x80, 0x80]), "continuation of nothing");
    let mut bytes = frame(OpCode::Data(Data::Text), false, b"a");
    bytes.extend(text("b"));
    assert!(malformed(&bytes), "a new message inside another");
    assert!(malformed(&frame(OpCode::Control(Control::Close), true, &[3])), "half a close code");
    assert!(malformed(&frame(OpCode::Control(Control::Close), true, &1005u16.to_be_bytes())), "a code for nobody");
}

#[test]
fn the_limit_counts_whole_messages() {
    assert_eq!(decode(&text("12345"), &[], 5), Ok(vec![Owned::Text("12345".into())]));
    assert_eq!(decode(&text("123456"), &[], 5), Err(Violation::TooLarge));
    let mut bytes = frame(OpCode::Data(Data::Binary), false, b"123");
    bytes.extend(frame(OpCode::Data(Data::Continue), true, b"456"));
    assert_eq!(decode(&bytes, &[], 5), Err(Violation::TooLarge));
}

#[test]
fn nothing_is_kept_after_a_message() {
    let bytes = frame(OpCode::Data(Data::Binary), true, &[7; 60_000]);
    let mut decoder = Decoder::new(bounds(1 << 20));
    for piece in bytes.chunks(1_000) {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        while decoder.next(&mut rest).expect("a good frame").is_some() {}
    }
    assert_eq!(decoder.held(), 0);
}

#[test]
fn headers_that_go_out_are_read_back_by_others() {
    for length in [0, 125, 126, 65_535, 65_536] {
        let mut out = Vec::new();
        put_header(&mut out, Opcode::Binary, length);
        let (header, payload) =
            FrameHeader::parse(&mut std::io::Cursor::new(out)).expect("well-formed").expect("whole");
        assert_eq!((header.is_final, header.mask, payload), (true, None, length as u64));
    }
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let message = prop_oneof![
        ".{0,40}".prop_map(|payload| text(&payload)),
        proptest::collection::vec(any::<u8>(), 0..400).prop_map(|payload| frame(
            OpCode::Data(Data::Binary),
            true,
            &payload
        )),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|payload| frame(
            OpCode::Control(Control::Ping),
            true,
            &payload
        )),
        (".{0,20}", ".{0,20}").prop_map(|(head, tail)| {
            let mut bytes = frame(OpCode::Data(Data::Text), false, head.as_bytes());
            bytes.extend(frame(OpCode::Control(Control::Pong), true, b""));
            bytes.extend(frame(OpCode::Data(Data::Continue), true, tail.as_bytes()));
            bytes
        }),
    ];
    proptest::collection::vec(message, 1..6).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn a_split_anywhere_changes_nothing(bytes in frames()) {
        let whole = decode(&bytes, &[], 1 << 20).expect("well-formed");
        for cut in 0..bytes.len() {
            prop_assert_eq!(&decode(&bytes, &[cut], 1 << 20).expect("well-formed"), &whole);
        }
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&decode(&bytes, &every, 1 << 20).expect("well-formed"), &whole);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
        let cut = cut.min(bytes.len());
        let _ = decode(&bytes, &[cut], 200);
    }

    #[test]
    fn broken_frames_never_panic(mut bytes in frames(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let index = at.index(bytes.len());
        bytes[index] = with;
        let _ = decode(&bytes, &[], 10_000);
    }
}
