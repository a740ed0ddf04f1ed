//! One WebSocket, frame by frame, with nothing done behind the caller's back but answering RFC 6455 pings.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
        protocol::WebSocketConfig,
    },
};

use super::Encoding;
use crate::{
    Closed, Error, Result,
    v1::{Ack, ClientFrame, Hello, Ping, Request, ServerFrame, client_frame, request::Op, server_frame},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The kinds of frames that a server sends.
pub type Frame = server_frame::Frame;

/// A WebSocket to a server, not yet greeted.
pub struct RawSocket {
    stream: WebSocketStream<TcpStream>,
    encoding: Encoding,
    /// Bytes of the last frame.
    length: usize,
}

impl RawSocket {
    /// Connects to the server at `base` (`http://host:port`) and offers the encoding's sub-protocol.
    pub async fn connect(base: &str, encoding: Encoding) -> Result<Self> {
        let headers = [("sec-websocket-protocol", encoding.subprotocol())];
        Self::connect_with(base, encoding, &headers).await
    }

    /// Connects with these headers and nothing offered but what they offer.
    pub async fn connect_with(base: &str, encoding: Encoding, headers: &[(&str, &str)]) -> Result<Self> {
        timeout(CONNECT_TIMEOUT, Self::handshake(base, encoding, headers)).await.map_err(|_| Error::Timeout)?
    }

    async fn handshake(base: &str, encoding: Encoding, headers: &[(&str, &str)]) -> Result<Self> {
        let authority = base
            .strip_prefix("http://")
            .ok_or_else(|| Error::Protocol(format!("{base:?} is not an http:// address")))?
            .trim_end_matches('/');
        let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let tcp = TcpStream::connect(&address).await.map_err(|error| Error::Transport(error.to_string()))?;
        let _ = tcp.set_nodelay(true);
        let mut request = format!("ws://{authority}/v1/ws").into_client_request()?;
        for (name, value) in headers {
            let malformed = |_| Error::Protocol(format!("header {name}"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::Protocol("a header name".into()))?;
            request.headers_mut().append(name, HeaderValue::from_str(value).map_err(malformed)?);
        }
        let config = WebSocketConfig::default().read_buffer_size(16 << 10).write_buffer_size(16 << 10);
        let (stream, _) = client_async_with_config(request, tcp, Some(config)).await?;
        Ok(Self { stream, encoding, length: 0 })
    }

    /// The encoding that was offered.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Queues a frame. It leaves at the next [`RawSocket::flush`], or when enough has queued.
    pub async fn feed(&mut self, frame: client_frame::Frame) -> Result<()> {
        let message = self.encoding.encode(&ClientFrame { frame: Some(frame) })?;
        Ok(self.stream.feed(message).await?)
    }

    /// Sends what was queued.
    pub async fn flush(&mut self) -> Result<()> {
        Ok(self.stream.flush().await?)
    }

    /// Sends a frame at once.
    pub async fn send(&mut self, frame: client_frame::Frame) -> Result<()> {
        self.feed(frame).await?;
        self.flush().await
    }

    /// Sends any text, right or wrong.
    pub async fn send_text(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// Sends any bytes, right or wrong.
    pub async fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        Ok(self.stream.send(Message::binary(bytes)).await?)
    }

    /// Says who is here.
    pub async fn hello(&mut self, hello: Hello) -> Result<()> {
        self.send(client_frame::Frame::Hello(hello)).await
    }

    /// Asks for something under an id of the caller's choice.
    pub async fn request(&mut self, id: u32, op: Op) -> Result<()> {
        self.send(client_frame::Frame::Request(Request { id, deadline_ms: 0, op: Some(op) })).await
    }

    /// Acknowledges all pushes up to a number.
    pub async fn ack(&mut self, push_no: u64) -> Result<()> {
        self.send(client_frame::Frame::Ack(Ack { push_no })).await
    }

    /// Sends the frame `ping` (not the WebSocket ping).
    pub async fn ping(&mut self) -> Result<()> {
        self.send(client_frame::Frame::Ping(Ping {})).await
    }

    /// The next frame. A frame of a kind that is not known here is left out. Safe to drop and call again.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            let payload = self.next_payload().await?;
            self.length = payload.len();
            let frame: ServerFrame = self.encoding.decode(payload)?;
            if let Some(frame) = frame.frame {
                return Ok(frame);
            }
        }
    }

    /// How many bytes the last frame of [`RawSocket::next`] had.
    pub fn last_length(&self) -> usize {
        self.length
    }

    /// The next frame's bytes as they came.
    pub async fn next_payload(&mut self) -> Result<Bytes> {
        loop {
            let closed = |code, reason: &str| Error::Closed(Closed { code, reason: reason.to_owned() });
            match self.stream.next().await {
                None => return Err(closed(None, "the stream ended")),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    // Answers the close, so that the server need not wait for it.
                    let _ = self.stream.flush().await;
                    return Err(closed(Some(frame.code.into()), frame.reason.as_str()));
                }
                Some(Ok(Message::Close(None))) => return Err(closed(None, "a close frame without a code")),
                Some(Ok(Message::Text(text))) if self.encoding == Encoding::Json => return Ok(text.into()),
                Some(Ok(Message::Binary(bytes))) if self.encoding == Encoding::Proto => return Ok(bytes),
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    return Err(Error::Protocol("a frame of the other encoding".into()));
                }
                // tungstenite has queued the pong; it leaves with this flush.
                Some(Ok(Message::Ping(_))) => self.flush().await?,
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
            }
        }
    }

    /// Waits until the other side has ended the connection, and meanwhile answers nothing, not even pings, as a program
    /// that hangs. What came is thrown away.
    pub async fn ends_unread(self) {
        let mut tcp = self.stream.into_inner();
        let mut unread = [0; 4096];
        loop {
            match tcp.read(&mut unread).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Says goodbye properly.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    /// Drops the connection without a word, as a network does.
    pub fn cut(self) {
        let tcp = self.stream.into_inner();
        // A reset, not an orderly end: nothing more is sent or read.
        let _ = tcp.set_zero_linger();
    }
}
