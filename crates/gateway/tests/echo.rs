//! The echo of test builds: another implementation's client talks to our framing over a real socket.
#![cfg(feature = "echo")]
#![allow(clippy::unwrap_used, reason = "this is test code: a panic is how it fails")]

use std::net::SocketAddr;

use anser_gateway::{ListenerOptions, http::table, serve};
use axum::Router;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};
use tokio_util::sync::CancellationToken;

async fn start() -> SocketAddr {
    assert!(table().iter().any(|row| row.path() == "/echo"));
    let router = Router::new().route("/echo", axum::routing::get(anser_gateway::ws::echo::upgrade));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router, CancellationToken::new(), ListenerOptions::default()));
    address
}

async fn connect() -> WebSocketStream<TcpStream> {
    let address = start().await;
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(format!("ws://{address}/echo"), stream).await.unwrap().0
}

#[tokio::test]
async fn what_is_said_comes_back() {
    let mut socket = connect().await;
    for message in [
        Message::text(""),
        Message::text("grüße, 鸿雁"),
        Message::binary(vec![0; 0]),
        Message::binary(vec![7; 70_000]),
        Message::text("x".repeat(4 << 20)),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.send(Message::Ping("here?".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("here?".into()));
}

#[tokio::test]
async fn fragments_come_back_as_one() {
    let mut socket = connect().await;
    let text = "鸿雁 ".repeat(200);
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let data = if index == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(piece.to_vec(), OpCode::Data(data), index + 1 == pieces.len());
        socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let mut socket = connect().await;
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(None)))));
}

#[tokio::test]
async fn violations_are_told_by_their_codes() {
    let mask = [0; 4];
    let cases: [(&[u8], u16); 5] = [
        (&[0x81, 0x01, b'x'], 1002),
        (&[0xc1, 0x80], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        (&[0x88, 0x82, 0, 0, 0, 0, 3, 0xed], 1002),
        (&[0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0], 1009),
    ];
    for (bytes, code) in cases {
        let mut stream = connect().await.into_inner();
        stream.write_all(&[bytes, &mask].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{bytes:?}");
    }
}
