//! Frames as bytes: both encodings of the same messages.

use bytes::Bytes;
use prost::Message as _;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::{
    Error, Result,
    v1::{ClientFrame, ServerFrame},
};

/// How frames are written on the wire. The sub-protocol says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Text frames with JSON.
    Json,
    /// Binary frames with protobuf.
    Proto,
}

impl Encoding {
    /// The sub-protocol's name.
    pub fn subprotocol(self) -> &'static str {
        match self {
            Encoding::Json => "anser.v1.json",
            Encoding::Proto => "anser.v1.proto",
        }
    }

    /// A frame as the message that carries it.
    pub fn encode(self, frame: &ClientFrame) -> Result<Message> {
        Ok(match self {
            Encoding::Json => {
                let text = serde_json::to_string(frame).map_err(|error| Error::Protocol(error.to_string()))?;
                Message::Text(Utf8Bytes::from(text))
            }
            Encoding::Proto => Message::Binary(Bytes::from(frame.encode_to_vec())),
        })
    }

    /// The frame in a message's payload.
    pub fn decode(self, payload: Bytes) -> Result<ServerFrame> {
        let wrong = |error: &dyn std::fmt::Display| Error::Protocol(format!("a frame: {error}"));
        match self {
            Encoding::Json => serde_json::from_slice(&payload).map_err(|error| wrong(&error)),
            Encoding::Proto => ServerFrame::decode(payload).map_err(|error| wrong(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Ack, Ping, client_frame, server_frame};

    #[test]
    fn json_frames_look_as_the_protocol_says() {
        let frame = ClientFrame { frame: Some(client_frame::Frame::Ack(Ack { push_no: 7 })) };
        assert_eq!(Encoding::Json.encode(&frame).unwrap(), Message::text(r#"{"ack":{"push_no":7}}"#));
        let frame = ClientFrame { frame: Some(client_frame::Frame::Ping(Ping {})) };
        assert_eq!(Encoding::Json.encode(&frame).unwrap(), Message::text(r#"{"ping":{}}"#));
    }

    #[test]
    fn unknown_frames_are_nothing_and_unknown_fields_are_ignored() {
        let frame = Encoding::Json.decode(Bytes::from_static(br#"{"typing":{"user":1}}"#)).unwrap();
        assert_eq!(frame.frame, None);
        let frame = Encoding::Json.decode(Bytes::from_static(br#"{"pong":{"resume":"x","new":1}}"#)).unwrap();
        assert!(matches!(frame.frame, Some(server_frame::Frame::Pong(pong)) if pong.resume == "x"));
    }
}
