//! One WebSocket, in either encoding. Frames are recorded before they are sent and as they come.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    history::{Raw, Recorder, What},
    wire::{encode, frame::ServerFrame, shape},
};

/// How frames look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Text.
    Json,
    /// Protobuf.
    Proto,
}

/// What came.
#[derive(Debug)]
pub enum Received {
    /// A frame.
    Frame(Box<ServerFrame>),
    /// Something below the frames: a ping.
    Other,
    /// The end, with the close code if the server gave one.
    End(Option<u16>),
}

/// A connection.
pub struct Socket {
    /// Its number in the history.
    pub conn: u64,
    encoding: Encoding,
    stream: WebSocketStream<TcpStream>,
    recorder: Arc<Recorder>,
    ended: bool,
}

impl Socket {
    /// Connects to `authority` and notes whose connection it is.
    pub async fn connect(
        authority: &str,
        encoding: Encoding,
        recorder: Arc<Recorder>,
        (user, device, last): (&str, &str, bool),
    ) -> Result<Self> {
        let tcp = timeout(Duration::from_secs(10), TcpStream::connect(authority)).await.context("connect")??;
        tcp.set_nodelay(true)?;
        let mut request = format!("ws://{authority}/v1/ws").into_client_request()?;
        let protocol = match encoding {
            Encoding::Json => "anser.v1.json",
            Encoding::Proto => "anser.v1.proto",
        };
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        let (stream, _) = timeout(Duration::from_secs(10), client_async(request, tcp)).await.context("handshake")??;
        let conn = recorder.number();
        recorder.note(What::Open { conn, user: user.into(), device: device.into(), last });
        Ok(Self { conn, encoding, stream, recorder, ended: false })
    }

    /// Sends the first frame. The token stays out of the history.
    pub async fn hello(&mut self, token: &str, device: &str, resume: &str) -> Result<()> {
        let frame =
            |token: &str| serde_json::json!({"hello": {"access_token": token, "device_id": device, "resume": resume}});
        let (_, shown) = self.dress(&frame(""));
        self.recorder.note(What::Out { conn: self.conn, frame: shown });
        let (message, _) = self.dress(&frame(token));
        self.stream.send(message).await.context("send hello")
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) -> Result<()> {
        let (message, raw) = self.dress(frame);
        self.recorder.note(What::Out { conn: self.conn, frame: raw });
        self.stream.send(message).await.context("send a frame")
    }

    fn dress(&self, frame: &Value) -> (Message, Raw) {
        match self.encoding {
            Encoding::Json => {
                let text = frame.to_string();
                let raw = Raw::text(&text);
                (Message::text(text), raw)
            }
            Encoding::Proto => {
                let bytes = encode(shape::CLIENT_FRAME, frame);
                let raw = Raw::binary(&bytes);
                (Message::binary(bytes), raw)
            }
        }
    }

    /// What comes next. Safe to drop while waiting.
    pub async fn next(&mut self) -> Received {
        let raw = match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Raw::text(&text),
            Some(Ok(Message::Binary(bytes))) => Raw::binary(&bytes),
            Some(Ok(Message::Close(reason))) => return self.end(reason.map(|reason| reason.code.into()), false),
            Some(Ok(_)) => return Received::Other,
            Some(Err(_)) | None => return self.end(None, false),
        };
        let value = raw.value(shape::SERVER_FRAME);
        self.recorder.note(What::In { conn: self.conn, frame: raw });
        let frame = value.and_then(|value| serde_json::from_value(value).ok());
        frame.map_or(Received::Other, |frame| Received::Frame(Box::new(frame)))
    }

    /// Ends the connection: politely with a close frame, or by just going away.
    pub async fn leave(mut self, politely: bool) {
        self.end(None, true);
        if politely {
            // Nobody waits for the answer: what it says changes nothing.
            let _closing = timeout(Duration::from_millis(500), self.stream.close(None)).await;
        }
    }

    fn end(&mut self, code: Option<u16>, by_client: bool) -> Received {
        if !self.ended {
            self.ended = true;
            self.recorder.note(What::Closed { conn: self.conn, code, by_client });
        }
        Received::End(code)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.end(None, true);
    }
}
