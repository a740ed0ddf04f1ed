//! A table of what RFC 6455 says about the frames of a client, case by case, against the decoder that is in use. Each case
//! is fed whole and byte by byte. The numbers are those of the RFC's sections.

use super::*;

const FIN: u8 = 0x80;
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
const BOUNDS: Bounds = Bounds { bytes: 70_000, fragments: 5 };

/// What becomes of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// All of it was read: these messages came.
    Reads(Vec<String>),
    /// These messages came, and then a violation: 1002, 1007 or 1009 of section 7.4.1.
    Fails(Vec<String>, u16),
}

fn reads(messages: &[&str]) -> End {
    End::Reads(messages.iter().map(|&message| message.to_owned()).collect())
}

fn fails(messages: &[&str], code: u16) -> End {
    End::Fails(messages.iter().map(|&message| message.to_owned()).collect(), code)
}

/// A frame with these first bits, the length written as short as it can be.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect()
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | 8, [&code.to_be_bytes(), reason].concat())
}

fn word(message: &Message<'_>) -> String {
    match message {
        Message::Text(text) if text.len() > 20 => format!("text of {}", text.len()),
        Message::Text(text) => format!("text {text}"),
        Message::Binary(bytes) => format!("binary of {}", bytes.len()),
        Message::Ping(bytes) => format!("ping of {}", bytes.len()),
        Message::Pong => "pong".into(),
        Message::Close(code) => format!("close {}", code.unwrap_or_default()),
    }
}

fn run(bytes: &[u8], step: usize) -> End {
    let mut decoder = Decoder::new(BOUNDS);
    let mut messages = Vec::new();
    for piece in bytes.chunks(step) {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(message)) => messages.push(word(&message)),
                Ok(None) => break,
                Err(Violation::Malformed(_)) => return End::Fails(messages, 1002),
                Err(Violation::NotText) => return End::Fails(messages, 1007),
                Err(Violation::TooLarge) => return End::Fails(messages, 1009),
            }
        }
    }
    End::Reads(messages)
}

#[track_caller]
fn all(cases: Vec<(&str, Vec<u8>, End)>) {
    for (name, bytes, expected) in cases {
        assert_eq!(run(&bytes, bytes.len()), expected, "{name}, whole");
        assert_eq!(run(&bytes, 1), expected, "{name}, byte by byte");
    }
}

#[test]
fn framing_5_2() {
    let mut cases = vec![
        ("an empty text", frame(FIN | 1, ""), reads(&["text "])),
        ("a text", frame(FIN | 1, "Hello"), reads(&["text Hello"])),
        ("an empty binary", frame(FIN | 2, ""), reads(&["binary of 0"])),
        ("the longest 7-bit length", frame(FIN | 2, [0; 125]), reads(&["binary of 125"])),
        ("the shortest 16-bit length", frame(FIN | 2, [0; 126]), reads(&["binary of 126"])),
        ("the longest 16-bit length", frame(FIN | 2, [0; 65_535]), reads(&["binary of 65535"])),
        ("the shortest 64-bit length", frame(FIN | 2, [0; 65_536]), reads(&["binary of 65536"])),
        ("16 bits for 125", vec![FIN | 2, 0x80 | 126, 0, 125, 0, 0, 0, 0], fails(&[], 1002)),
        ("64 bits for 65,535", [&[FIN | 2, 0xff][..], &65_535u64.to_be_bytes(), &MASK].concat(), fails(&[], 1002)),
        ("a length below zero", [&[FIN | 2, 0xff][..], &(1u64 << 63).to_be_bytes(), &MASK].concat(), fails(&[], 1002)),
        ("a giant length", [&[FIN | 2, 0xff][..], &(1u64 << 40).to_be_bytes(), &MASK].concat(), fails(&[], 1009)),
        ("two in a row", frames(&[(FIN | 1, b"a"), (FIN | 2, b"b")]), reads(&["text a", "binary of 1"])),
        ("not masked (5.1)", vec![FIN | 1, 1, b'x'], fails(&[], 1002)),
        ("after a good one", [frame(FIN | 1, "a"), vec![FIN | 1, 1, b'x']].concat(), fails(&["text a"], 1002)),
    ];
    for bit in [0x40, 0x20, 0x10, 0x70] {
        cases.push(("a reserved bit without an extension", frame(FIN | bit | 1, "x"), fails(&[], 1002)));
        cases.push(("a reserved bit of a ping", frame(FIN | bit | 9, ""), fails(&[], 1002)));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push(("a reserved opcode", frame(FIN | opcode, "x"), fails(&[], 1002)));
        cases.push(("a reserved opcode, not the last", frame(opcode, ""), fails(&[], 1002)));
    }
    all(cases);
}

#[test]
fn fragmentation_5_4() {
    all(vec![
        ("two fragments", frames(&[(1, b"ab"), (FIN, b"cd")]), reads(&["text abcd"])),
        ("an empty one between", frames(&[(2, b"ab"), (0, b""), (FIN, b"cd")]), reads(&["binary of 4"])),
        ("all of them empty", frames(&[(1, b""), (0, b""), (FIN, b"")]), reads(&["text "])),
        ("never ended", frames(&[(1, b"ab"), (0, b"cd")]), reads(&[])),
        ("a continuation of nothing", frame(FIN, "x"), fails(&[], 1002)),
        ("a beginning of nothing", frame(0, "x"), fails(&[], 1002)),
        ("one after the last", frames(&[(1, b"a"), (FIN, b"b"), (FIN, b"c")]), fails(&["text ab"], 1002)),
        ("a new message inside another", frames(&[(1, b"a"), (FIN | 1, b"b")]), fails(&[], 1002)),
        ("a new fragmented message inside", frames(&[(1, b"a"), (2, b"b")]), fails(&[], 1002)),
        ("a message after another", frames(&[(1, b"a"), (FIN, b"b"), (FIN | 1, b"c")]), reads(&["text ab", "text c"])),
        ("as many as may be", frames(&[(1, b"a"), (0, b""), (0, b""), (0, b""), (FIN, b"e")]), reads(&["text ae"])),
        ("one too many", frames(&[(1, b""), (0, b""), (0, b""), (0, b""), (0, b""), (FIN, b"")]), fails(&[], 1009)),
        ("counted anew", frames(&[(1, b"a"), (0, b""), (FIN, b""), (1, b"b"), (0, b""), (FIN, b"")]), {
            reads(&["text a", "text b"])
        }),
        ("together too large", [frame(2, [0; 69_999]), frame(FIN, [0; 2])].concat(), fails(&[], 1009)),
        ("together just not", [frame(2, [0; 69_999]), frame(FIN, [0; 1])].concat(), reads(&["binary of 70000"])),
    ]);
}

#[test]
fn control_frames_5_5() {
    all(vec![
        ("a ping", frame(FIN | 9, "here?"), reads(&["ping of 5"])),
        ("the longest ping", frame(FIN | 9, [7; 125]), reads(&["ping of 125"])),
        ("a longer one", frame(FIN | 9, [7; 126]), fails(&[], 1002)),
        ("a pong that nobody asked for", frame(FIN | 10, "x"), reads(&["pong"])),
        ("a longer pong", frame(FIN | 10, [7; 126]), fails(&[], 1002)),
        ("a fragmented ping", frame(9, "x"), fails(&[], 1002)),
        ("a fragmented pong", frame(10, ""), fails(&[], 1002)),
        ("a fragmented close", frame(8, ""), fails(&[], 1002)),
        ("between fragments", frames(&[(1, b"a"), (FIN | 9, b"x"), (FIN, b"b")]), reads(&["ping of 1", "text ab"])),
        (
            "several between fragments",
            { frames(&[(1, b"a"), (FIN | 9, b"x"), (FIN | 10, b""), (0, b"b"), (FIN | 9, b""), (FIN, b"c")]) },
            reads(&["ping of 1", "pong", "ping of 0", "text abc"]),
        ),
        ("a close between fragments", frames(&[(1, b"a"), (FIN | 8, b"")]), reads(&["close 0"])),
    ]);
}

#[test]
fn closing_5_5_1_and_7_4() {
    let mut cases = vec![
        ("without a code", frame(FIN | 8, ""), reads(&["close 0"])),
        ("half a code", frame(FIN | 8, [3]), fails(&[], 1002)),
        ("with a reason", close(1000, "goodbye, grüße".as_bytes()), reads(&["close 1000"])),
        ("the longest reason", close(1000, &[b'x'; 123]), reads(&["close 1000"])),
        ("a longer one", close(1000, &[b'x'; 124]), fails(&[], 1002)),
        ("a reason that is not UTF-8", close(1000, &[0xce, 0xba, 0xe1]), fails(&[], 1007)),
    ];
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        cases.push(("a code", close(code, b""), End::Reads(vec![format!("close {code}")])));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(("a code that may not be sent", close(code, b""), fails(&[], 1002)));
    }
    all(cases);
}

#[test]
fn utf8_8_1() {
    let mut cases = vec![
        ("torn between fragments", frames(&[(1, &[0xce]), (0, &[0xba, 0xe1]), (FIN, &[0xbd, 0xb9])]), {
            reads(&["text \u{3ba}\u{1f79}"])
        }),
        ("a byte in each fragment", frames(&[(1, &[0xf0]), (0, &[0x9f]), (0, &[0x98]), (FIN, &[0x80])]), {
            reads(&["text 😀"])
        }),
        ("cut off at the end", frames(&[(1, &[0xce]), (FIN, &[])]), fails(&[], 1007)),
        ("wrong in the last fragment", frames(&[(1, b"good"), (FIN, &[0xff])]), fails(&[], 1007)),
        ("a ping does not repair it", frames(&[(1, &[0xce]), (FIN | 9, &[0xba]), (FIN, b"")]), {
            fails(&["ping of 1"], 1007)
        }),
        ("no matter in binary", frame(FIN | 2, [0xff, 0xfe]), reads(&["binary of 2"])),
    ];
    for good in ["\u{0}", "\u{7f}", "\u{80}", "\u{7ff}", "\u{800}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "\u{fdd0}"] {
        cases.push(("the edge of a length", frame(FIN | 1, good), End::Reads(vec![format!("text {good}")])));
    }
    let wrong: [&[u8]; 9] = [
        &[0x80],
        &[0xc0, 0x80],
        &[0xc1, 0xbf],
        &[0xe0, 0x80, 0x80],
        &[0xed, 0xa0, 0x80],
        &[0xed, 0xbf, 0xbf],
        &[0xf4, 0x90, 0x80, 0x80],
        &[0xf8, 0x88, 0x80, 0x80, 0x80],
        &[0xfe],
    ];
    for wrong in wrong {
        cases.push(("not UTF-8: overlong, surrogate, beyond, alone", frame(FIN | 1, wrong), fails(&[], 1007)));
    }
    all(cases);
}
