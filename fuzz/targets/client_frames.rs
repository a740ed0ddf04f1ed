//! What clients say: any bytes are a frame or none, and a frame means the same in both encodings.
#![no_main]

use anser_contract::v1::{Ack, ClientFrame, Ping, Request, client_frame::Frame};
use anser_gateway::fuzzing::{BadFrame, Encoding, Inbound, read};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

/// The frame that was understood, as a client would say it again; `None`: it holds what this server does not know.
fn again(inbound: Result<Inbound, BadFrame>) -> Option<ClientFrame> {
    let frame = match inbound.ok()? {
        Inbound::Hello(hello) => Frame::Hello(hello),
        Inbound::Request { id, deadline_ms, op } => Frame::Request(Request { id, deadline_ms, op: Some(op.ok()?) }),
        Inbound::Ack(push_no) => Frame::Ack(Ack { push_no }),
        Inbound::Ping => Frame::Ping(Ping {}),
        Inbound::Unknown => return None,
    };
    Some(ClientFrame { frame: Some(frame) })
}

fn over_json(frame: &ClientFrame) -> Option<ClientFrame> {
    let json = serde_json::to_vec(frame).expect("frames are plain JSON");
    again(read(Encoding::Json, &json))
}

fn over_proto(frame: &ClientFrame) -> ClientFrame {
    again(read(Encoding::Proto, &frame.encode_to_vec())).expect("what was understood is understood again")
}

fuzz_target!(|data: &[u8]| {
    if let Some(said) = again(read(Encoding::Json, data)) {
        let bytes = said.encode_to_vec();
        assert_eq!(over_proto(&said).encode_to_vec(), bytes);
        assert_eq!(over_json(&said).expect("JSON is JSON again").encode_to_vec(), bytes);
    }
    if let Some(said) = again(read(Encoding::Proto, data)) {
        assert_eq!(over_proto(&said).encode_to_vec(), said.encode_to_vec());
        // JSON has no words for ids of a wrong length; what it has words for stays as it is.
        if let Some(once) = over_json(&said) {
            let twice = over_json(&once).expect("JSON is JSON again");
            assert_eq!(twice.encode_to_vec(), once.encode_to_vec());
            assert_eq!(over_proto(&once).encode_to_vec(), once.encode_to_vec());
        }
    }
});
