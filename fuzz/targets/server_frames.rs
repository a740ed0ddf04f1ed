//! What clients hear: any bytes are a server's frame or none, and a frame stays what it is when the gateway writes it.
#![no_main]

use anser_contract::v1::ServerFrame;
use anser_gateway::fuzzing::{Encoding, put};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

/// What a client hears if the server says it so.
fn heard(encoding: Encoding, frame: &ServerFrame) -> Option<ServerFrame> {
    let mut wire = Vec::new();
    put(&mut wire, encoding, frame);
    let header = match wire[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    match encoding {
        Encoding::Json => serde_json::from_slice(&wire[header..]).ok(),
        Encoding::Proto => ServerFrame::decode(&wire[header..]).ok(),
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(frame) = serde_json::from_slice::<ServerFrame>(data) {
        for encoding in [Encoding::Json, Encoding::Proto] {
            let again = heard(encoding, &frame).expect("a frame");
            assert_eq!(again.encode_to_vec(), frame.encode_to_vec(), "{encoding:?}");
        }
    }
    if let Ok(frame) = ServerFrame::decode(data) {
        let again = heard(Encoding::Proto, &frame).expect("a frame");
        assert_eq!(again.encode_to_vec(), frame.encode_to_vec());
        // JSON has no words for ids of a wrong length; what it has words for stays as it is.
        if let Some(once) = heard(Encoding::Json, &frame) {
            let twice = heard(Encoding::Json, &once).expect("a frame");
            assert_eq!(twice.encode_to_vec(), once.encode_to_vec());
        }
    }
});
