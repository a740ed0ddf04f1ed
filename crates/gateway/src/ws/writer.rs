//! From the outbox onto the wire: everything that waits becomes one push frame and one system call.
//!
//! Frames are put together in a buffer of the thread. Only what the peer does not take at once is kept by the
//! connection, and let go when it has been taken.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use anser_contract::v1::{Pong, Reconnect, ServerFrame, SyncRequired, server_frame::Frame};
use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::{
    close::Close,
    codec::{Opcode, put_close, put_frame},
    outbox::{Control, Outbox},
    socket::Socket,
    stream::WireStream,
};
use crate::{
    frames::{About, put, put_push},
    resume::ResumePoint,
    state::Gateway,
};

/// About how many bytes of events one push frame has at most; a single larger event goes alone.
const PUSH_BYTES: usize = 64 << 10;
/// A thread's buffer that grew beyond this is let go.
const KEEP_BYTES: usize = 1 << 20;

thread_local! {
    static WIRE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The connection's side of writing.
#[derive(Default)]
pub(super) struct Writer {
    /// What the peer has not taken yet, and how much of it it has.
    unsent: Vec<u8>,
    sent: usize,
    /// The close frame is among what was put together: nothing follows it.
    pub closed: bool,
    /// Our half of the stream is shut.
    shut: bool,
}

impl Writer {
    /// Writes until nothing waits or the peer takes no more. Ready: all is written (and, after a close frame, our half
    /// is shut).
    pub fn poll_write(
        &mut self,
        gateway: &Gateway,
        socket: &Socket,
        stream: &mut WireStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while self.sent < self.unsent.len() {
                let written = match Pin::new(&mut *stream).poll_write(cx, &self.unsent[self.sent..]) {
                    Poll::Ready(written) => written?,
                    Poll::Pending => {
                        socket.outbox().block(gateway.now_ms(), cx.waker());
                        return Poll::Pending;
                    }
                };
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.sent += written;
                socket.outbox().unblock();
            }
            (self.unsent, self.sent) = (Vec::new(), 0);
            if stream.holds_back() {
                match Pin::new(&mut *stream).poll_flush(cx) {
                    Poll::Ready(flushed) => flushed?,
                    Poll::Pending => {
                        socket.outbox().block(gateway.now_ms(), cx.waker());
                        return Poll::Pending;
                    }
                }
                socket.outbox().unblock();
            }
            if self.closed {
                return self.poll_shut(stream, cx);
            }
            if !self.fill_and_write(gateway, socket, stream, cx)? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_shut(&mut self, stream: &mut WireStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            std::task::ready!(Pin::new(stream).poll_shutdown(cx))?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Puts frames together and writes what the peer takes at once. Answers whether there were any.
    fn fill_and_write(
        &mut self,
        gateway: &Gateway,
        socket: &Socket,
        stream: &mut WireStream,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        WIRE.with_borrow_mut(|wire| {
            wire.clear();
            self.closed = fill(gateway, socket, wire, cx);
            if wire.is_empty() {
                return Ok(false);
            }
            let taken = match Pin::new(stream).poll_write(cx, wire) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.unsent = wire[taken..].to_vec();
            if wire.capacity() > KEEP_BYTES {
                *wire = Vec::new();
            }
            Ok(true)
        })
    }
}

/// Puts what waits in the outbox into `out`, at most one push frame of it. When nothing waits the task is parked.
/// Answers whether a close frame was among it.
fn fill(gateway: &Gateway, socket: &Socket, out: &mut Vec<u8>, cx: &mut Context<'_>) -> bool {
    // Read before the queue is looked at: whatever is up to here stands in it.
    let position = gateway.hub.position();
    let mut outbox = socket.outbox();
    let before = point(gateway, &outbox, position);
    let close = outbox.close.as_ref().map(|close| close.0.clone());
    if close.is_none() {
        outbox.stall(socket.encoding, &gateway.desk());
    }
    let controls = std::mem::take(&mut outbox.controls);
    let push = match close {
        Some(_) => None,
        None => Push::take(gateway, socket, &mut outbox, position),
    };
    if controls.is_empty() && push.is_none() && close.is_none() {
        outbox.park(cx.waker());
        return false;
    }
    let farewell_no = outbox.flight.last() + 1;
    drop(outbox);

    // Counted before they are encoded; encoding happens outside the lock.
    gateway.meters.frames_out.increment(controls.len() as u64 + u64::from(push.is_some()));
    for control in controls {
        put_control(out, socket, control, before);
    }
    if let Some(push) = push {
        gateway.meters.pushes.increment(1);
        put_push(out, socket.encoding, push.number, &push.resume.to_text(), &push.events);
    }
    let Some(close) = close else { return false };
    if let Some(farewell) = &close.farewell {
        let events = [farewell.bytes(socket.encoding).clone()];
        put_push(out, socket.encoding, farewell_no, &before.to_text(), &events);
    }
    let Close { code, reason, .. } = close;
    put_close(out, code, reason);
    true
}

struct Push {
    number: u64,
    resume: ResumePoint,
    events: Vec<Bytes>,
}

impl Push {
    /// Takes as many events as the window lets through, as one push.
    fn take(gateway: &Gateway, socket: &Socket, outbox: &mut Outbox, position: i64) -> Option<Push> {
        let window = outbox.window(&gateway.options);
        let mut events = Vec::with_capacity(outbox.events.len().min(64));
        let (mut bytes, mut count) = (0, 0);
        while let Some(next) = outbox.events.front() {
            let encoded = next.block.bytes(socket.encoding);
            let with_it = bytes + encoded.len();
            if with_it > window || (with_it > PUSH_BYTES && !events.is_empty()) {
                break;
            }
            bytes = with_it;
            events.push(encoded.clone());
            let queued = outbox.dequeue()?;
            count += queued.block.count();
            if let Some((conversation, seq)) = queued.block.delivers_to(socket.user) {
                outbox.flight.carry(conversation, seq);
            }
            let (version, known) = match queued.block.about() {
                About::Contacts(version) => (version, &mut outbox.me.contacts),
                About::Settings(version) => (version, &mut outbox.me.settings),
                About::Profile(version) => (version, &mut outbox.me.profile),
                _ => continue,
            };
            if let Some(known) = known {
                *known = version.max(*known);
            }
        }
        if events.is_empty() {
            return None;
        }
        gateway.meters.events.increment(count as u64);
        let number = outbox.flight.push(bytes);
        Some(Push { number, resume: point(gateway, outbox, position), events })
    }
}

/// The resume point that holds when everything written so far has arrived.
fn point(gateway: &Gateway, outbox: &Outbox, position: i64) -> ResumePoint {
    ResumePoint { store: gateway.store(), position: outbox.low_water(position), me: outbox.me }
}

fn put_control(out: &mut Vec<u8>, socket: &Socket, control: Control, before: ResumePoint) {
    let frame = match control {
        Control::WirePing => return put_frame(out, Opcode::Ping, &[]),
        Control::WirePong(payload) => return put_frame(out, Opcode::Pong, &payload),
        Control::Welcome(welcome) => Frame::Welcome(*welcome),
        Control::Reply(reply) => Frame::Reply(reply),
        Control::Pong => Frame::Pong(Pong { resume: before.to_text() }),
        Control::SyncRequired(reason) => Frame::SyncRequired(SyncRequired { reason: reason.into() }),
        Control::Reconnect(after_ms) => Frame::Reconnect(Reconnect { after_ms }),
    };
    put(out, socket.encoding, &ServerFrame { frame: Some(frame) });
}
