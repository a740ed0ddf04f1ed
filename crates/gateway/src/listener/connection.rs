//! One connection: served by hyper, under the clock of its pulse.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{Connection, ListenerOptions, Patience, count_closed, pulse::Pulse, wire::Wire};

/// What serves connections: the same for all of them.
pub(super) struct Http {
    http1: http1::Builder,
    router: Router,
    patience: Patience,
    shutdown: CancellationToken,
}

impl Http {
    pub(super) fn new(router: Router, options: &ListenerOptions, shutdown: CancellationToken) -> Self {
        let mut http1 = http1::Builder::new();
        // hyper's least buffer is 8 KiB. The time of a head is ours to keep: hyper's clock would not see a connection
        // that sends nothing, and would take silence between two requests for a slow head.
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(options.max_header_bytes.max(8 * 1024))
            .keep_alive(true);
        Self { http1, router, patience: options.patience, shutdown }
    }

    /// Serves a connection until it ends, becomes a WebSocket, is late, or has answered what it had begun when the
    /// shutdown came.
    pub(super) async fn serve(&self, stream: TcpStream, connection: Connection) {
        // Small answers and frames must not wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let pulse = Arc::new(Pulse::new());
        let wire = Wire::new(stream, pulse.clone());
        let service = service_fn(|request| answer(&self.router, &connection, &pulse, request));
        let mut served = pin!(self.http1.serve_connection(TokioIo::new(wire), service).with_upgrades());
        let in_time = self.in_time(&pulse, poll_fn(|cx| served.as_mut().poll(cx)));
        let ended = tokio::select! {
            ended = in_time => ended,
            () = self.shutdown.cancelled() => {
                served.as_mut().graceful_shutdown();
                self.in_time(&pulse, poll_fn(|cx| served.as_mut().poll(cx))).await
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
            // All that moves a deadline happens in the poll above, so this is the only place that has to look.
            let Some((at, reason)) = pulse.deadline(&self.patience) else { return Poll::Pending };
            if alarm.deadline() != at {
                alarm.as_mut().reset(at);
            }
            alarm.as_mut().poll(cx).map(|()| Err(reason))
        })
        .await
    }
}

async fn answer(
    router: &Router,
    connection: &Connection,
    pulse: &Arc<Pulse>,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    pulse.asked();
    // Answered when the answer's body is at its end, or when nobody wants it any more.
    let open = Open(pulse.clone());
    request.extensions_mut().insert(connection.clone());
    let response = router.clone().oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| Answer { body: UnsyncBoxBody::new(body), _open: open }))
}

struct Open(Arc<Pulse>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// An answer's body, which knows when it has been taken.
struct Answer {
    body: UnsyncBoxBody<Bytes, axum::Error>,
    _open: Open,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
