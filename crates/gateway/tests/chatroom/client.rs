//! A client of the protocol that shares nothing with the server: it writes bytes by the numbers of the tables.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A field of bytes, text or a message.
pub fn field(number: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    varint(number << 3 | 2, &mut out);
    varint(value.as_ref().len() as u64, &mut out);
    out.extend_from_slice(value.as_ref());
    out
}

/// A field with a number.
pub fn number(number: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(number << 3, &mut out);
    varint(value, &mut out);
    out
}

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(Vec<(u64, Value)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Fields {
    pub fn of(mut bytes: &[u8]) -> Self {
        fn take(bytes: &mut &[u8]) -> u64 {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        }
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = take(&mut bytes);
            let value = match tag & 7 {
                0 => Value::Number(take(&mut bytes)),
                2 => {
                    let length = take(&mut bytes) as usize;
                    let (value, rest) = bytes.split_at(length);
                    bytes = rest;
                    Value::Bytes(value.to_vec())
                }
                other => panic!("wire type {other}"),
            };
            fields.push((tag >> 3, value));
        }
        Self(fields)
    }

    /// Every field of this number, in bytes.
    pub fn all(&self, number: u64) -> Vec<Vec<u8>> {
        let bytes = |(at, value): &(u64, Value)| match value {
            Value::Bytes(bytes) if *at == number => Some(bytes.clone()),
            _ => None,
        };
        self.0.iter().filter_map(bytes).collect()
    }

    pub fn has(&self, number: u64) -> bool {
        self.0.iter().any(|(at, _)| *at == number)
    }

    pub fn bytes(&self, number: u64) -> Vec<u8> {
        self.all(number).pop().unwrap_or_default()
    }

    pub fn text(&self, number: u64) -> String {
        String::from_utf8(self.bytes(number)).unwrap()
    }

    pub fn sub(&self, number: u64) -> Fields {
        Fields::of(&self.bytes(number))
    }

    pub fn subs(&self, number: u64) -> Vec<Fields> {
        self.all(number).iter().map(|bytes| Fields::of(bytes)).collect()
    }

    pub fn number(&self, number: u64) -> u64 {
        let number = |(at, value): &(u64, Value)| match value {
            Value::Number(value) if *at == number => Some(*value),
            _ => None,
        };
        self.0.iter().find_map(number).unwrap_or_default()
    }

    /// What was refused; nothing for a success.
    pub fn errmsg(&self) -> String {
        let errmsg = self.text(3);
        assert_eq!(errmsg.is_empty(), self.number(2) == 1, "success or words: {self:?}");
        errmsg
    }
}

/// An HTTP answer.
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// One request over a connection of its own.
pub async fn http(address: SocketAddr, head: &str, body: &[u8]) -> Answered {
    let mut wire = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    wire.write_all(head.as_bytes()).await.unwrap();
    wire.write_all(body).await.unwrap();
    let mut all = Vec::new();
    timeout(Duration::from_secs(30), wire.read_to_end(&mut all)).await.expect("no answer").unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
    let mut body = all[end + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Answered { status: head[9..12].parse().unwrap(), head, body }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let line = bytes.windows(2).position(|two| two == b"\r\n").expect("the answer was cut off");
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return out;
        }
        out.extend_from_slice(&bytes[line + 2..line + 2 + length]);
        bytes = &bytes[line + 2 + length + 2..];
    }
}

/// One call. The request's name is written before the other fields, and must come back.
pub async fn call(address: SocketAddr, path: &str, fields: &[Vec<u8>]) -> Fields {
    let body = [&[field(1, "R1")], fields].concat().concat();
    let head = format!("POST {path} HTTP/1.1\r\ncontent-type: application/x-protobuf");
    let answered = http(address, &head, &body).await;
    assert_eq!(answered.status, 200, "{path}: {}", answered.head);
    assert!(answered.head.contains("content-type: application/x-protobuf"), "{}", answered.head);
    let fields = Fields::of(&answered.body);
    assert_eq!(fields.text(1), "R1", "{path}");
    fields
}

/// A client's WebSocket.
pub struct Pushes(WebSocketStream<TcpStream>);

/// What came over it.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    Push(Fields),
    Closed(u16, String),
}

impl Pushes {
    /// Opens one that says nothing yet.
    pub async fn silent(address: SocketAddr, path: &str) -> Self {
        let wire = TcpStream::connect(address).await.unwrap();
        let (wire, response) = client_async(format!("ws://{address}{path}"), wire).await.unwrap();
        assert_eq!(response.status().as_u16(), 101);
        Self(wire)
    }

    /// Opens one, says whose it is, and waits for the ping that follows.
    pub async fn open(address: SocketAddr, token: &str) -> Self {
        let mut pushes = Self::silent(address, "/ws").await;
        pushes.says(&[field(1, "R1"), field(2, token)].concat()).await;
        pushes.pinged().await;
        pushes
    }

    /// Waits for the ping that says that somebody is known.
    pub async fn pinged(&mut self) {
        match timeout(Duration::from_secs(5), self.0.next()).await.expect("no ping") {
            Some(Ok(Message::Ping(payload))) => assert!(payload.is_empty()),
            other => panic!("no ping but {other:?}"),
        }
    }

    pub async fn says(&mut self, frame: &[u8]) {
        self.0.send(Message::binary(frame.to_vec())).await.unwrap();
    }

    /// Leaves as these clients do, and waits until the server has taken note.
    pub async fn leaves(mut self) {
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        self.0.send(Message::Close(Some(goodbye))).await.unwrap();
        assert_eq!(self.next().await, Came::Closed(1000, String::new()));
    }

    pub async fn says_text(&mut self, text: &str) {
        self.0.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// The next push, or the end.
    pub async fn next(&mut self) -> Came {
        loop {
            match timeout(Duration::from_secs(15), self.0.next()).await.expect("nothing came") {
                Some(Ok(Message::Binary(bytes))) => {
                    assert_eq!(bytes[0], 0x10, "the type stands first, whatever it is");
                    return Came::Push(Fields::of(&bytes));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Came::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next push, which must be of this type.
    pub async fn push(&mut self, kind: u64) -> Fields {
        match self.next().await {
            Came::Push(push) if push.number(2) == kind => push,
            other => panic!("no push of type {kind} but {other:?}"),
        }
    }
}
