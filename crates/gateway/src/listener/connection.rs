//! One connection: TLS where it is ours, then HTTP by hyper, under the clock of its pulse.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    Connection, ListenerOptions, Patience, acme, count_closed,
    pulse::Pulse,
    tls::{H2, Tls},
    wire::Wire,
};

/// Requests that one HTTP/2 connection may have open.
const STREAMS: u32 = 64;
/// Requests that it may have taken back before we closed them ("rapid reset").
const RESETS: usize = 32;
/// What it may send of one body, and of all bodies, before we have read it.
const WINDOW: u32 = 64 << 10;
const WINDOWS: u32 = 256 << 10;
/// What is kept of one answer that the client does not take.
const UNSENT: usize = 64 << 10;
/// After how much silence we ask whether anybody is there, and how long the answer may take.
const PING_AFTER: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);

/// What serves connections: the same for all of them.
pub(super) struct Http {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    router: Router,
    tls: Option<Arc<Tls>>,
    patience: Patience,
    shutdown: CancellationToken,
}

impl Http {
    pub(super) fn new(router: Router, options: &ListenerOptions, shutdown: CancellationToken) -> Self {
        let mut http1 = http1::Builder::new();
        // hyper's least buffer is 8 KiB. The time of a head is ours to keep: hyper's clock would not see a connection
        // that sends nothing, and would take silence between two requests for a slow head.
        let head = options.max_header_bytes.max(8 * 1024);
        http1.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(head).keep_alive(true);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .max_header_list_size(head as u32)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOWS)
            .max_send_buf_size(UNSENT)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PONG_WITHIN);
        Self { http1, http2, router, tls: options.tls.clone(), patience: options.patience, shutdown }
    }

    /// Serves a connection until it ends, becomes a WebSocket, is late, or has answered what it had begun when the
    /// shutdown came.
    pub(super) async fn serve(&self, stream: TcpStream, connection: Connection) {
        // Small answers and frames must not wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.serve_http1(stream, connection).await };
        match self.shake_hands(tls, stream).await {
            Err(reason) => count_closed(reason),
            Ok(stream) => match stream.get_ref().1.alpn_protocol() {
                Some(H2) => self.serve_http2(stream, connection).await,
                // The handshake was the answer (RFC 8737, section 3).
                Some(acme::QUESTION) => {}
                _ => self.serve_http1(stream, connection).await,
            },
        }
    }

    async fn shake_hands(&self, tls: &Tls, stream: TcpStream) -> Result<TlsStream<TcpStream>, &'static str> {
        let told = timeout(self.patience.first_byte, stream.readable()).await;
        told.map_err(|_| "first_byte")?.map_err(|_| "tls")?;
        let shaken = timeout(self.patience.header, tls.accept(stream)).await;
        shaken.map_err(|_| "tls_late")?.map_err(|_| "tls")
    }

    async fn serve_http1<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let pulse = Arc::new(Pulse::of_http1());
        let wire = TokioIo::new(Wire::new(stream, pulse.clone()));
        let caller = Caller { router: self.router.clone(), connection, pulse: pulse.clone() };
        let service = service_fn(move |request| caller.clone().answer(request));
        let served = self.http1.serve_connection(wire, service).with_upgrades();
        self.drive(&pulse, served, |served| served.graceful_shutdown()).await;
    }

    async fn serve_http2<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let pulse = Arc::new(Pulse::of_http2());
        let wire = TokioIo::new(Wire::new(stream, pulse.clone()));
        let caller = Caller { router: self.router.clone(), connection, pulse: pulse.clone() };
        let service = service_fn(move |request| caller.clone().answer(request));
        let served = self.http2.serve_connection(wire, service);
        self.drive(&pulse, served, |served| served.graceful_shutdown()).await;
    }

    /// Drives a connection to its end. `wind_up` lets it finish what it has begun.
    async fn drive<C>(&self, pulse: &Pulse, served: C, wind_up: impl FnOnce(Pin<&mut C>))
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut served = pin!(served);
        let in_time = self.in_time(pulse, poll_fn(|cx| served.as_mut().poll(cx)));
        let ended = tokio::select! {
            ended = in_time => ended,
            () = self.shutdown.cancelled() => {
                wind_up(served.as_mut());
                self.in_time(pulse, poll_fn(|cx| served.as_mut().poll(cx))).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            // Resets and garbage are the client's affair.
            Ok(Err(error)) => tracing::debug!(%error, "connection ended"),
            Err(reason) => count_closed(reason),
        }
    }

    /// Drives a connection for as long as its client keeps its times; answers why not.
    async fn in_time<T>(&self, pulse: &Pulse, served: impl Future<Output = T>) -> Result<T, &'static str> {
        let mut served = pin!(served);
        let mut alarm = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            if let Poll::Ready(ended) = served.as_mut().poll(cx) {
                return Poll::Ready(Ok(ended));
            }
            // What moves a deadline nearer happens in the poll above. What moves it away may happen in the task of a
            // stream of HTTP/2, and is seen here when the alarm rings too early.
            loop {
                let Some((at, reason)) = pulse.deadline(&self.patience) else { return Poll::Pending };
                if at <= Instant::now() {
                    return Poll::Ready(Err(reason));
                }
                if alarm.deadline() != at {
                    alarm.as_mut().reset(at);
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Hands requests of one connection to the router.
#[derive(Clone)]
struct Caller {
    router: Router,
    connection: Connection,
    pulse: Arc<Pulse>,
}

impl Caller {
    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        // Answered when the answer's body is at its end, or when nobody wants it any more.
        let open = Open::new(self.pulse);
        request.extensions_mut().insert(self.connection);
        let response = self.router.oneshot(request.map(Body::new)).await?;
        Ok(response.map(|body| Answer { body: UnsyncBoxBody::new(body), open }))
    }
}

struct Open(Arc<Pulse>);

impl Open {
    fn new(pulse: Arc<Pulse>) -> Self {
        pulse.asked();
        Self(pulse)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// An answer's body, which knows when it has been taken.
struct Answer {
    body: UnsyncBoxBody<Bytes, axum::Error>,
    open: Open,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.open.0.answering();
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
