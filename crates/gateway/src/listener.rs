//! The accept loop: sockets in, requests out. It bounds connections and header time, and ends gracefully.
//!
//! Plain HTTP/1.1 with upgrades. hyper is handed `TokioIo<TcpStream>` as it is, so that the WebSocket side gets the
//! bare `TcpStream` back by `Upgraded::downcast` and hyper's buffers go. TLS and HTTP/2 are the proxy's in front.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Bounds of the accept loop.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Connections at a time, upgraded ones included as long as they hold their [`Connection`].
    pub max_connections: usize,
    /// How long the headers of a request may take; also how long a connection may stay idle between two requests.
    pub header_timeout: Duration,
    /// The largest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// How long open requests may take to end after the shutdown signal.
    pub drain_timeout: Duration,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            max_connections: 100_000,
            header_timeout: Duration::from_secs(30),
            max_header_bytes: 16 * 1024,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// The socket that a request came over, found in the request's extensions. Whoever takes the socket over keeps a clone:
/// the connection's place is free again when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end, as the socket says. Forwarding headers are not looked at.
    pub peer: SocketAddr,
    _place: Arc<OwnedSemaphorePermit>,
}

/// Serves `router` on `listener` until `shutdown` is cancelled, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    options: ListenerOptions,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
    let open = TaskTracker::new();
    let abandon = CancellationToken::new();
    let mut http = http1::Builder::new();
    // hyper's least buffer is 8 KiB.
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.max_header_bytes.max(8 * 1024))
        .keep_alive(true);

    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // Closing at once tells the client more than a connection that nobody reads.
            metrics::counter!("anser_http_connections_refused_total").increment(1);
            continue;
        };
        let connection = Connection { peer, _place: Arc::new(place) };
        let (http, router, shutdown, abandon) = (http.clone(), router.clone(), shutdown.clone(), abandon.clone());
        open.spawn(async move {
            tokio::select! {
                () = serve_connection(http, stream, connection, router, shutdown) => {}
                () = abandon.cancelled() => {}
            }
        });
    }

    drop(listener);
    open.close();
    if tokio::time::timeout(options.drain_timeout, open.wait()).await.is_err() {
        tracing::warn!(open = open.len(), "requests were still open at the end and are cut off");
        abandon.cancel();
        open.wait().await;
    }
    Ok(())
}

/// Serves one connection until it ends, becomes a WebSocket, or has answered what it had begun when `shutdown` came.
async fn serve_connection(
    http: http1::Builder,
    stream: TcpStream,
    connection: Connection,
    router: Router,
    shutdown: CancellationToken,
) {
    // Small answers and frames must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    // Time-outs, resets and garbage are the client's affair.
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// A connection that died before it was accepted is nothing; running out of file descriptors passes, but not at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::error!(%error, "cannot accept connections");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
