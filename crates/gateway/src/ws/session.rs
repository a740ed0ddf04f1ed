//! A connection's life after its welcome: one small future that reads, writes and holds nothing else.
//!
//! Bytes are read into a buffer of the thread, so an idle connection has none. Reading stops while 64 requests are open
//! or messaging has no room for more sends; what was read already is kept until it goes on.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anser_contract::v1::SendItem;
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    close::Close,
    codec::{Decoder, Message},
    dispatch::{Request, dispatch},
    outbox::Control,
    socket::Socket,
    stream::WireStream,
    writer::Writer,
};
use crate::{
    frames::{Encoding, Inbound, read},
    link::Offer,
    listener::places::Place,
    state::Gateway,
};

const READ_BYTES: usize = 64 << 10;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connection that is signed in. Ends when both halves are closed or the peer is gone.
pub(super) struct Connection {
    pub gateway: Arc<Gateway>,
    pub socket: Arc<Socket>,
    pub stream: WireStream,
    pub decoder: Decoder,
    pub writer: Writer,
    /// Bytes that were read while they could not be handled.
    pub backlog: Vec<u8>,
    /// Sends that messaging had no room for.
    pub sends: Vec<SendItem>,
    /// The peer has said goodbye.
    pub peer_closed: bool,
    /// The connection's place among those the listener counts.
    pub _place: Option<Arc<Place>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.close(Close::NORMAL, 0);
        self.gateway.left(&self.socket);
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if this.socket.is_abandoned() {
                return Poll::Ready(());
            }
            // Either way the outbox now knows how to wake this task.
            let written = this.writer.poll_write(&this.gateway, &this.socket, &mut this.stream, cx);
            match written {
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if this.writer.closed && this.peer_closed => return Poll::Ready(()),
                _ => {}
            }
            match this.poll_read(cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Connection {
    /// Reads once and handles what came. `false`: the peer is done.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.hand_over() || self.paused() {
            return Poll::Pending;
        }
        if !self.backlog.is_empty() {
            let mut backlog = std::mem::take(&mut self.backlog);
            self.handle(&mut backlog);
            return Poll::Ready(Ok(true));
        }
        READ.with_borrow_mut(|buffer| {
            let mut buf = ReadBuf::new(buffer);
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            let read = buf.filled_mut();
            if read.is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.handle(read);
            Poll::Ready(Ok(true))
        })
    }

    /// Whether so much is open that nothing more may be read.
    fn paused(&self) -> bool {
        let mut outbox = self.socket.outbox();
        let paused = outbox.full(&self.gateway.options) && outbox.close.is_none();
        outbox.set_reading(!paused, self.gateway.now_ms());
        paused
    }

    /// Hands sends to messaging. `false`: it has no room, so the task waits to be woken.
    fn hand_over(&mut self) -> bool {
        if self.socket.is_closing() {
            self.sends.clear();
        }
        if self.sends.is_empty() {
            return true;
        }
        match self.gateway.offer(&self.socket, &mut self.sends) {
            Offer::Taken => {
                self.sends = Vec::new();
                true
            }
            Offer::Down => {
                self.sends = Vec::new();
                let error = anser_types::Error::unavailable("messages cannot be taken at the moment");
                self.socket.refuse_sends(|_| true, &error, &self.gateway.desk());
                true
            }
            Offer::Full => {
                self.socket.outbox().set_reading(false, self.gateway.now_ms());
                false
            }
        }
    }

    fn handle(&mut self, mut bytes: &mut [u8]) {
        // What comes after the end was decided acts no more; it is read so that the peer's half can end in peace.
        if self.socket.is_closing() {
            while let Ok(Some(message)) = self.decoder.next(&mut bytes) {
                self.peer_closed |= matches!(message, Message::Close(_));
            }
            return;
        }
        let now_ms = self.gateway.now_ms();
        self.socket.outbox().heard(now_ms);
        if let Err(close) = self.take_messages(&mut bytes, now_ms) {
            self.hand_over();
            if !self.peer_closed {
                metrics::counter!("anser_gateway_violations_closed_total", "code" => close.code.to_string())
                    .increment(1);
            }
            self.socket.close(close, now_ms);
        } else {
            self.backlog = bytes.to_vec();
            self.hand_over();
        }
    }

    /// Handles messages until `bytes` has no whole one or no more may be handled now.
    fn take_messages(&mut self, bytes: &mut &mut [u8], now_ms: u64) -> Result<(), Close> {
        loop {
            let Some(message) = self.decoder.next(bytes)? else { return Ok(()) };
            self.gateway.meters.frames_in.increment(1);
            self.peer_closed |= matches!(message, Message::Close(_));
            let handler = Handler { gateway: &self.gateway, socket: &self.socket, sends: &mut self.sends, now_ms };
            handler.take(message)?;
            if self.socket.outbox().full(&self.gateway.options) {
                return Ok(());
            }
        }
    }
}

/// One message's way from the wire.
struct Handler<'c> {
    gateway: &'c Arc<Gateway>,
    socket: &'c Arc<Socket>,
    sends: &'c mut Vec<SendItem>,
    now_ms: u64,
}

impl Handler<'_> {
    fn take(self, message: Message<'_>) -> Result<(), Close> {
        match (message, self.socket.encoding) {
            (Message::Close(code), _) => return Err(Close { code: code.unwrap_or(1000), ..Close::NORMAL }),
            _ if self.socket.is_closing() => {}
            (Message::Text(text), Encoding::Json) => return self.frame(text.as_bytes()),
            (Message::Binary(bytes), Encoding::Proto) => return self.frame(bytes),
            (Message::Ping(payload), _) => self.ping(Control::WirePong(payload.to_vec()))?,
            (Message::Pong, _) => self.count_ping()?,
            (Message::Text(_) | Message::Binary(_), _) => return Err(Close::BAD_FRAME),
        }
        Ok(())
    }

    fn ping(&self, pong: Control) -> Result<(), Close> {
        self.count_ping()?;
        self.socket.outbox().controls.push_back(pong);
        Ok(())
    }

    /// Refuses a flood of frames that say nothing, answered or not.
    fn count_ping(&self) -> Result<(), Close> {
        match self.socket.outbox().pinged_in_peace(self.now_ms, self.gateway.options.pings_per_second) {
            true => Ok(()),
            false => Err(Close::TOO_MUCH),
        }
    }

    fn frame(self, payload: &[u8]) -> Result<(), Close> {
        match read(self.socket.encoding, payload).map_err(|_| Close::BAD_FRAME)? {
            Inbound::Request { id, deadline_ms, op } => {
                let request = Request { id, deadline_ms, op };
                dispatch(self.gateway, self.socket, self.sends, self.now_ms, request);
            }
            Inbound::Ack(push_no) => {
                let taken = self.socket.outbox().acked(push_no);
                self.gateway.receipts.note(self.socket.user, self.socket.session, taken);
            }
            Inbound::Ping => self.ping(Control::Pong)?,
            Inbound::Hello(_) => return Err(Close::BAD_FRAME),
            Inbound::Unknown => {}
        }
        Ok(())
    }
}
