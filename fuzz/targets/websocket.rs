//! The WebSocket's framing: bytes in whatever pieces mean what they mean at once, and memory stays within the bounds.
#![no_main]

use anser_gateway::ws::codec::{Bounds, Decoder, Message, Violation, put_frame};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    bytes: u16,
    fragments: u8,
    /// Where the pieces end.
    pieces: [u8; 8],
    wire: &'a [u8],
}

/// What was said, up to the end or the violation.
#[derive(Debug, PartialEq)]
struct Said {
    messages: Vec<String>,
    violation: Option<Violation>,
}

fn listen(bounds: Bounds, pieces: impl Iterator<Item = Vec<u8>>) -> Said {
    let mut decoder = Decoder::new(bounds);
    let mut said = Said { messages: Vec::new(), violation: None };
    for mut piece in pieces {
        let mut rest = &mut piece[..];
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(message)) => said.messages.push(check(&message, bounds)),
                Ok(None) => break,
                Err(violation) => {
                    said.violation = Some(violation);
                    return said;
                }
            }
        }
        assert!(rest.is_empty(), "what is not understood yet is taken in");
        // A vector grows by doubling, and a control frame has 125 bytes.
        assert!(decoder.held() <= 2 * bounds.bytes as usize + 512, "{} bytes are held", decoder.held());
    }
    said
}

/// What was said is within the bounds, and goes out again as a frame.
fn check(message: &Message<'_>, bounds: Bounds) -> String {
    let (length, most) = match message {
        Message::Text(text) => (text.len(), bounds.bytes as usize),
        Message::Binary(bytes) => (bytes.len(), bounds.bytes as usize),
        Message::Ping(bytes) => (bytes.len(), 125),
        Message::Pong | Message::Close(_) => (0, 0),
    };
    assert!(length <= most);
    if let Message::Binary(bytes) = message {
        let mut wire = Vec::new();
        put_frame(&mut wire, anser_gateway::ws::codec::Opcode::Binary, bytes);
        assert!(wire.ends_with(bytes) && wire.len() <= bytes.len() + 10);
    }
    format!("{message:?}")
}

fuzz_target!(|input: Input<'_>| {
    let bounds = Bounds { bytes: input.bytes.into(), fragments: input.fragments.into() };
    let at_once = listen(bounds, [input.wire.to_vec()].into_iter());
    let byte_by_byte = listen(bounds, input.wire.iter().map(|byte| vec![*byte]));
    assert_eq!(at_once, byte_by_byte);
    let mut sizes = input.pieces.iter().cycle();
    let mut rest = input.wire;
    let in_pieces = listen(
        bounds,
        std::iter::from_fn(|| {
            let size = usize::from(*sizes.next()?).clamp(1, rest.len().max(1));
            let (piece, later) = rest.split_at_checked(size)?;
            rest = later;
            Some(piece.to_vec())
        }),
    );
    assert_eq!(at_once, in_pieces);
});
