//! `GET /echo`, in test builds only: a WebSocket that says back what it hears, through the codec and the stream that are in
//! use, so that suites of others can judge them. Violations end it with the close codes of RFC 6455, section 7.4.1.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    codec::{Bounds, Decoder, Message, Opcode, Violation, put_close, put_frame},
    handshake::{accept, switching},
    stream::WireStream,
};
use crate::{
    listener::Connection,
    problem::Refusal,
    rates::Rate,
    routes::{Class, Route, route},
};

/// Large enough for the largest messages of the suites, in their smallest pieces.
const BOUNDS: Bounds = Bounds { bytes: 16 << 20, fragments: 1 << 20 };

/// The row.
pub fn routes() -> Vec<Route> {
    let row = route(Method::GET, "/echo", "echo", upgrade).class(Class::Public).rate(Rate::Free);
    vec![row.about("Say back what is heard").answers_other(101, None, "A WebSocket")]
}

/// Turns the request into a WebSocket.
pub async fn upgrade(mut request: Request) -> Response {
    let accepted = match accept(&request) {
        Ok(accepted) => accepted,
        Err(error) => return Refusal::from(error).into_response(),
    };
    let place = request.extensions().get::<Connection>().cloned();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let (stream, read) = WireStream::take(upgraded);
            // However it ends, there is nobody to tell.
            let _ended = echo(stream, read).await;
        }
        drop(place);
    });
    switching::<Body>(&accepted)
}

async fn echo(mut stream: WireStream, mut bytes: Vec<u8>) -> std::io::Result<()> {
    let mut decoder = Decoder::new(BOUNDS);
    loop {
        let mut out = Vec::new();
        let open = answer(&mut decoder, &mut bytes, &mut out);
        stream.write_all(&out).await?;
        stream.flush().await?;
        bytes.resize(64 << 10, 0);
        if !open {
            stream.shutdown().await?;
            // Reading to the end keeps what was sent from being torn down with the stream.
            while stream.read(&mut bytes).await? > 0 {}
            return Ok(());
        }
        let length = stream.read(&mut bytes).await?;
        if length == 0 {
            return Ok(());
        }
        bytes.truncate(length);
    }
}

/// Answers every message in `bytes`. `false`: the conversation is over.
fn answer(decoder: &mut Decoder, mut bytes: &mut [u8], out: &mut Vec<u8>) -> bool {
    loop {
        match decoder.next(&mut bytes) {
            Ok(None) => return true,
            Ok(Some(Message::Text(text))) => put_frame(out, Opcode::Text, text.as_bytes()),
            Ok(Some(Message::Binary(bytes))) => put_frame(out, Opcode::Binary, bytes),
            Ok(Some(Message::Ping(payload))) => put_frame(out, Opcode::Pong, payload),
            Ok(Some(Message::Pong)) => {}
            Ok(Some(Message::Close(Some(code)))) => {
                put_close(out, code, "");
                return false;
            }
            Ok(Some(Message::Close(None))) => {
                put_frame(out, Opcode::Close, &[]);
                return false;
            }
            Err(violation) => {
                put_close(out, code(violation), "");
                return false;
            }
        }
    }
}

fn code(violation: Violation) -> u16 {
    match violation {
        Violation::Malformed(_) => 1002,
        Violation::NotText => 1007,
        Violation::TooLarge => 1009,
    }
}
