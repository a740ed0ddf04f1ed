//! A client on another implementation of RFC 6455.

use std::{net::SocketAddr, time::Duration};

use anser_contract::v1::{
    Ack, ClientFrame, Content, Entry, Event, Hello, Ping, Push, Reply, Request, SendMessage, ServerFrame, Text,
    Welcome, client_frame, content, event, reply, request, server_frame::Frame,
};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::StatusCode},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Json,
    Proto,
}

pub const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::Proto];

/// What came.
#[derive(Debug)]
pub enum Came {
    Frame(Frame),
    Close(u16),
    Ping,
    Pong(Vec<u8>),
    End,
}

pub struct Client {
    pub wire: WebSocketStream<TcpStream>,
    encoding: Encoding,
    next_id: u32,
    pub welcome: Option<Welcome>,
    pub resume: String,
    /// Whether pushes are acked as they come.
    pub acks: bool,
}

/// The status of a handshake with these headers besides the usual ones.
pub async fn handshake(address: SocketAddr, headers: &[(&'static str, &str)]) -> StatusCode {
    let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match client_async(request, TcpStream::connect(address).await.unwrap()).await {
        Ok((_, response)) => response.status(),
        Err(Error::Http(response)) => response.status(),
        Err(error) => panic!("{error}"),
    }
}

impl Client {
    pub async fn open(address: SocketAddr, encoding: Encoding) -> Self {
        let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
        let protocol = if encoding == Encoding::Json { "anser.v1.json" } else { "anser.v1.proto" };
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        let (wire, response) = client_async(request, TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
        Self { wire, encoding, next_id: 1, welcome: None, resume: String::new(), acks: true }
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.wire.send(message).await.unwrap();
    }

    pub async fn send_frame(&mut self, frame: client_frame::Frame) {
        let frame = ClientFrame { frame: Some(frame) };
        let message = match self.encoding {
            Encoding::Json => Message::text(serde_json::to_string(&frame).unwrap()),
            Encoding::Proto => Message::binary(frame.encode_to_vec()),
        };
        self.send_raw(message).await;
    }

    pub async fn hello(&mut self, token: &str, resume: &str) {
        let hello = Hello { access_token: token.into(), resume: resume.into(), ..Hello::default() };
        self.send_frame(client_frame::Frame::Hello(hello)).await;
    }

    pub async fn ticket(&mut self, ticket: &str) {
        self.send_frame(client_frame::Frame::Hello(Hello { ticket: ticket.into(), ..Hello::default() })).await;
    }

    pub async fn welcome(&mut self) -> Welcome {
        match self.next().await {
            Came::Frame(Frame::Welcome(welcome)) => {
                self.resume.clone_from(&welcome.resume);
                self.welcome = Some(welcome.clone());
                welcome
            }
            other => panic!("no welcome but {other:?}"),
        }
    }

    pub async fn request(&mut self, op: request::Op, deadline_ms: u32) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.send_frame(client_frame::Frame::Request(Request { id, deadline_ms, op: Some(op) })).await;
        id
    }

    pub async fn send_text(&mut self, room: &[u8], cmid: u8, text: &str) -> u32 {
        let send = SendMessage {
            conversation_id: room.to_vec(),
            client_msg_id: vec![cmid; 16],
            content: Some(Content::from(content::Kind::Text(Text { text: text.into() }))),
            ..SendMessage::default()
        };
        self.request(request::Op::Send(send), 0).await
    }

    pub async fn ack(&mut self, push_no: u64) {
        self.send_frame(client_frame::Frame::Ack(Ack { push_no })).await;
    }

    pub async fn ping(&mut self) {
        self.send_frame(client_frame::Frame::Ping(Ping {})).await;
    }

    /// The next thing that comes, within five seconds.
    pub async fn next(&mut self) -> Came {
        let came = timeout(Duration::from_secs(5), self.wire.next()).await.expect("nothing came");
        let frame = match came {
            Some(Ok(Message::Text(text))) => serde_json::from_str::<ServerFrame>(&text).unwrap(),
            Some(Ok(Message::Binary(bytes))) => ServerFrame::decode(&bytes[..]).unwrap(),
            Some(Ok(Message::Close(frame))) => return Came::Close(frame.map_or(1005, |frame| frame.code.into())),
            Some(Ok(Message::Ping(_))) => return Came::Ping,
            Some(Ok(Message::Pong(payload))) => return Came::Pong(payload.to_vec()),
            Some(Ok(Message::Frame(_))) | Some(Err(_)) | None => return Came::End,
        };
        let frame = frame.frame.expect("a frame that says something");
        if let Frame::Push(push) = &frame {
            self.resume.clone_from(&push.resume);
            if self.acks {
                self.ack(push.push_no).await;
            }
        }
        Came::Frame(frame)
    }

    pub async fn frame(&mut self) -> Frame {
        match self.next().await {
            Came::Frame(frame) => frame,
            other => panic!("no frame but {other:?}"),
        }
    }

    pub async fn push(&mut self) -> Push {
        match self.frame().await {
            Frame::Push(push) => push,
            other => panic!("no push but {other:?}"),
        }
    }

    /// The next reply; pushes before it are dropped.
    pub async fn reply(&mut self) -> Reply {
        loop {
            match self.frame().await {
                Frame::Reply(reply) => return reply,
                Frame::Push(_) => {}
                other => panic!("no reply but {other:?}"),
            }
        }
    }

    /// The code of the error that answers the request.
    pub async fn error_code(&mut self) -> String {
        match self.reply().await.outcome {
            Some(reply::Outcome::Error(problem)) => problem.code,
            other => panic!("no error but {other:?}"),
        }
    }

    /// The code with which the server closes; what comes before is dropped.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match self.next().await {
                Came::Close(code) => return code,
                Came::End => panic!("the end came without a close frame"),
                _ => {}
            }
        }
    }

    /// Events until `count` came.
    pub async fn events(&mut self, count: usize) -> Vec<event::Event> {
        let mut events = Vec::new();
        while events.len() < count {
            if let Frame::Push(push) = self.frame().await {
                events.extend(push.events.into_iter().filter_map(|Event { event, .. }| event));
            }
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }

    /// Texts of entries until `count` came, each conversation in order.
    pub async fn texts(&mut self, count: usize) -> Vec<String> {
        self.events(count).await.into_iter().map(text_of).collect()
    }
}

pub fn text_of(event: event::Event) -> String {
    match event {
        event::Event::Entry(Entry { content: Some(Content { kind: Some(content::Kind::Text(text)), .. }), .. }) => {
            text.text
        }
        other => panic!("no text but {other:?}"),
    }
}
