//! A client's WebSocket, at any path: its first frame says whose it is, and is answered by nothing; then pushes go out.
//!
//! To the rest of the gateway it is a socket like any other, in the hub like any other: what comes for its person stands
//! in its outbox, within the same bounds. Only who takes it out is another: what is there goes through [`push`] onto the
//! wire. A client of this protocol cannot be told that something was left out; it is closed then, and asks anew when it
//! returns.

use std::{sync::Arc, time::Duration};

use anser_contract::Context;
use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    time::{sleep, timeout},
};

use super::{
    Room, door, push,
    wire::{Frame, read_frame},
    words::{FRAME_UNKNOWN_SESSION, FRAME_UNREADABLE, NO_NODE, Refused},
};
use crate::{
    frames::Encoding,
    hub::Attachment,
    identity::Identity,
    listener,
    ws::{
        close::Close,
        codec::{Bounds, Decoder, Message, Opcode, put_close, put_frame},
        handshake,
        outbox::Control,
        socket::{Next, Socket},
        stream::WireStream,
    },
};

/// A client's frame is small and in few pieces.
const BOUNDS: Bounds = Bounds { bytes: 4 << 10, fragments: 16 };
/// How many frames a stranger may send before saying who they are.
const FRAMES: usize = 16;
/// How long the peer may take to end its half after a close.
const FAREWELL: Duration = Duration::from_secs(1);

const UNREADABLE: Close = Close { code: 1003, reason: FRAME_UNREADABLE, farewell: None };
const UNKNOWN_SESSION: Close = Close { code: 1003, reason: FRAME_UNKNOWN_SESSION, farewell: None };

/// Turns any request that asks for it into a WebSocket; others find nothing here.
pub(super) async fn upgrade(State(room): State<Arc<Room>>, mut request: Request) -> Response {
    let Ok(accept) = handshake::accept(&request) else { return StatusCode::NOT_FOUND.into_response() };
    if room.gateway.admit().is_err() {
        room.gateway.meters.refused.increment(1);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let ctx = door::circumstances(&room, &request);
    let place = request.extensions().get::<listener::Connection>().map(listener::Connection::place);
    let upgrade = hyper::upgrade::on(&mut request);
    let tasks = room.gateway.tasks.clone();
    tasks.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let (stream, read) = WireStream::take(upgraded);
            live(&room, ctx, Line::new(stream, read)).await;
        }
        drop(place);
    });
    handshake::switching::<Body>(&accept)
}

/// A connection's life.
async fn live(room: &Room, ctx: Context, mut line: Line) {
    let greeted = timeout(room.gateway.options.timings.hello, line.authentication()).await;
    let mut ended = match greeted {
        Ok(Ok(token)) => match who(room, &ctx, &token).await {
            Ok(identity) => End::Another(identity),
            Err(close) => End::Said(close),
        },
        Ok(Err(ended)) => ended,
        Err(_) => End::Said(UNKNOWN_SESSION),
    };
    while let End::Another(identity) = ended {
        ended = serve(room, &ctx, &mut line, &identity).await;
    }
    if let End::Said(close) = ended {
        line.close(&close).await;
    }
}

/// Why a connection ends.
enum End {
    /// It is somebody else's from now on.
    Another(Identity),
    /// It is closed, with a reason.
    Said(Close),
    /// The peer is gone.
    Gone,
}

async fn who(room: &Room, ctx: &Context, token: &str) -> Result<Identity, Close> {
    let ctx = Context { deadline: tokio::time::Instant::now() + room.gateway.options.timings.request, ..ctx.clone() };
    door::identify(room, &ctx, token).await.map_err(|Refused(words)| match words == NO_NODE {
        true => Close::TRY_LATER,
        false => UNKNOWN_SESSION,
    })
}

/// Serves one person until the connection ends or becomes somebody else's.
async fn serve(room: &Room, ctx: &Context, line: &mut Line, identity: &Identity) -> End {
    let gateway = &room.gateway;
    if gateway.draining() {
        return End::Said(Close::RESTART);
    }
    let arrival = gateway.enter(identity, Encoding::Proto);
    let guest = Guest { room, socket: arrival.socket };
    if let Some(replaced) = arrival.replaced {
        replaced.close(Close::REPLACED, gateway.now_ms());
    }
    // Its session may have ended while it was on its way in.
    if gateway.identities.require_living(identity.session).is_err() {
        return End::Said(UNKNOWN_SESSION);
    }
    let floor = match arrival.attached {
        Attachment::At(position) => position,
        Attachment::Soon(attached) => match timeout(gateway.options.timings.attach, attached).await {
            Ok(Ok(position)) => position,
            _ => return End::Said(Close::TRY_LATER),
        },
    };
    guest.socket.begin(floor);
    gateway.meters.opened.increment(1);
    if line.put(room, Opcode::Ping, &[]).await.is_err() {
        return End::Gone;
    }
    loop {
        let ended = tokio::select! {
            next = guest.socket.next() => write(room, line, &guest.socket, next).await,
            heard = line.hear() => answer(room, ctx, line, &guest.socket, heard).await,
        };
        if let Err(ended) = ended {
            return ended;
        }
    }
}

/// A socket that leaves the hub with its connection.
struct Guest<'r> {
    room: &'r Room,
    socket: Arc<Socket>,
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.socket.close(Close::NORMAL, 0);
        self.room.gateway.left(&self.socket);
    }
}

async fn write(room: &Room, line: &mut Line, socket: &Socket, next: Next) -> Result<(), End> {
    match next {
        Next::Block(block) => {
            for frame in push::frames(room, socket, &block).await {
                room.gateway.meters.pushes.increment(1);
                line.put(room, Opcode::Binary, &frame).await?;
            }
            Ok(())
        }
        Next::Control(Control::WirePing) => line.put(room, Opcode::Ping, &[]).await,
        Next::Control(Control::SyncRequired(_)) => Err(End::Said(Close::TRY_LATER)),
        // These clients come back by themselves, or never.
        Next::Control(_) => Ok(()),
        Next::Close(close) if close.code == Close::SESSION_ENDED.code => Err(End::Said(UNKNOWN_SESSION)),
        Next::Close(close) => Err(End::Said(close)),
        Next::Gone => Err(End::Gone),
    }
}

/// What a frame of a client that is known leads to: it may say once more who it is.
async fn answer(room: &Room, ctx: &Context, line: &mut Line, socket: &Socket, heard: Heard) -> Result<(), End> {
    let gateway = &room.gateway;
    gateway.meters.frames_in.increment(1);
    if !socket.heard_in_peace(gateway.now_ms(), gateway.options.pings_per_second) {
        return Err(End::Said(Close::TOO_MUCH));
    }
    match heard {
        Heard::Ping(payload) => line.put(room, Opcode::Pong, &payload).await,
        Heard::Pong => Ok(()),
        Heard::Said(payload) => match read_frame(&payload) {
            Some(Frame::Life) => Ok(()),
            Some(Frame::Authentication(token)) => match who(room, ctx, &token).await {
                Ok(identity) if identity.user == socket.user && identity.session == socket.session => Ok(()),
                Ok(identity) => Err(End::Another(identity)),
                Err(close) => Err(End::Said(close)),
            },
            None => Err(End::Said(UNREADABLE)),
        },
        Heard::Unreadable => Err(End::Said(UNREADABLE)),
        Heard::Close(code) => Err(End::Said(Close { code: code.unwrap_or(1000), ..Close::NORMAL })),
        Heard::Nothing => Err(End::Gone),
    }
}

/// What the peer said.
enum Heard {
    Said(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    /// Nothing that this protocol knows.
    Unreadable,
    /// It is gone.
    Nothing,
}

/// The wire: frames in, frames out.
struct Line {
    reader: ReadHalf<WireStream>,
    writer: WriteHalf<WireStream>,
    decoder: Decoder,
    /// Bytes that were read and not looked at.
    unread: Vec<u8>,
}

impl Line {
    fn new(stream: WireStream, unread: Vec<u8>) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { reader, writer, decoder: Decoder::new(BOUNDS), unread }
    }

    /// The first frame that says something, which must say who is there.
    async fn authentication(&mut self) -> Result<String, End> {
        for _ in 0..FRAMES {
            match self.hear().await {
                Heard::Said(payload) => {
                    return match read_frame(&payload) {
                        Some(Frame::Authentication(token)) => Ok(token),
                        _ => Err(End::Said(UNREADABLE)),
                    };
                }
                Heard::Ping(payload) => self.write(Opcode::Pong, &payload).await.map_err(|_| End::Gone)?,
                Heard::Pong => {}
                Heard::Close(code) => return Err(End::Said(Close { code: code.unwrap_or(1000), ..Close::NORMAL })),
                Heard::Unreadable => return Err(End::Said(UNREADABLE)),
                Heard::Nothing => return Err(End::Gone),
            }
        }
        Err(End::Said(Close::TOO_MUCH))
    }

    /// The next frame. Nothing is lost where this is given up.
    async fn hear(&mut self) -> Heard {
        loop {
            let mut bytes = std::mem::take(&mut self.unread);
            let mut rest = &mut bytes[..];
            let heard = match self.decoder.next(&mut rest) {
                Ok(None) => None,
                Ok(Some(Message::Binary(payload))) => Some(Heard::Said(payload.to_vec())),
                Ok(Some(Message::Ping(payload))) => Some(Heard::Ping(payload.to_vec())),
                Ok(Some(Message::Pong)) => Some(Heard::Pong),
                Ok(Some(Message::Close(code))) => Some(Heard::Close(code)),
                Ok(Some(Message::Text(_))) | Err(_) => Some(Heard::Unreadable),
            };
            self.unread = rest.to_vec();
            if let Some(heard) = heard {
                return heard;
            }
            let mut buffer = [0; 1 << 10];
            match self.reader.read(&mut buffer).await {
                Ok(length) if length > 0 => self.unread = buffer[..length].to_vec(),
                _ => return Heard::Nothing,
            }
        }
    }

    /// Writes one frame. A peer that does not take it in time is given up.
    async fn put(&mut self, room: &Room, opcode: Opcode, payload: &[u8]) -> Result<(), End> {
        let gateway = &room.gateway;
        gateway.meters.frames_out.increment(1);
        match timeout(gateway.options.timings.slow_grace, self.write(opcode, payload)).await {
            Ok(written) => written.map_err(|_| End::Gone),
            Err(_) => {
                gateway.meters.slow_closed.increment(1);
                Err(End::Gone)
            }
        }
    }

    async fn write(&mut self, opcode: Opcode, payload: &[u8]) -> std::io::Result<()> {
        let mut wire = Vec::with_capacity(payload.len() + 10);
        put_frame(&mut wire, opcode, payload);
        self.writer.write_all(&wire).await?;
        self.writer.flush().await
    }

    /// Says goodbye, and waits a moment for the peer's.
    async fn close(&mut self, close: &Close) {
        let goodbye = async {
            let mut wire = Vec::new();
            put_close(&mut wire, close.code, close.reason);
            self.writer.write_all(&wire).await?;
            self.writer.shutdown().await?;
            let mut rest = [0; 256];
            while self.reader.read(&mut rest).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        tokio::select! {
            _ = goodbye => {}
            () = sleep(FAREWELL) => {}
        }
    }
}
