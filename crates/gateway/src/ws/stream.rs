//! The bytes under a WebSocket: the bare TCP stream where hyper gives it back, anything else boxed.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::listener;

/// A byte stream. hyper's buffers are gone from the first kind; the second is what TLS leaves us.
pub(crate) enum WireStream {
    Tcp(TcpStream),
    Other(Box<TokioIo<Upgraded>>),
}

impl WireStream {
    /// Whether it may hold back what was written until it is flushed, as TLS does.
    pub fn holds_back(&self) -> bool {
        matches!(self, WireStream::Other(_))
    }

    /// Takes the stream out of hyper, with what hyper has read beyond the request.
    pub fn take(upgraded: Upgraded) -> (Self, Vec<u8>) {
        match listener::take_socket(upgraded) {
            Ok((stream, read)) => (WireStream::Tcp(stream), read),
            Err(upgraded) => (WireStream::Other(Box::new(TokioIo::new(upgraded))), Vec::new()),
        }
    }
}

impl AsyncRead for WireStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WireStream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            WireStream::Other(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            WireStream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            WireStream::Other(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WireStream::Tcp(_) => Poll::Ready(Ok(())),
            WireStream::Other(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WireStream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            WireStream::Other(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
