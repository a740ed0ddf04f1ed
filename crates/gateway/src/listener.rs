//! The accept loop: sockets in, requests out. It bounds connections and the time of everything that a client may draw
//! out, and ends gracefully.
//!
//! Here live: who has a place ([`places`]), what a connection is doing and how long it may ([`pulse`]), the stream that
//! notes both ([`wire`]), TLS ([`tls`]) and who vouches for it ([`acme`]), and serving one connection ([`connection`]). Here does not live: what a request means, and how long its
//! body may take ([`crate::http::intake`]).
//!
//! Where all places are taken, the new connection is closed at once. None that was let in gives way: the time-outs free
//! the places of those who do nothing within seconds, while a rule by which newcomers push others out would be a tool for
//! whoever floods us with newcomers.

pub mod acme;
mod connection;
pub mod places;
mod pulse;
pub mod tls;
mod wire;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::forwarded::Network;
use connection::Http;
use places::{Place, Places};
use tls::Tls;
use wire::Wire;

/// Bounds of the accept loop.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Connections at a time, upgraded ones included as long as they hold their [`Connection`].
    pub max_connections: usize,
    /// The same from one address (IPv6: from one /64); 0: no limit. Proxies are not limited.
    pub max_connections_per_source: usize,
    /// The proxies in front of us.
    pub proxies: Vec<Network>,
    /// The largest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// What clients may draw out, and how long.
    pub patience: Patience,
    /// TLS, where it is ours: then nothing else is spoken.
    pub tls: Option<Arc<Tls>>,
    /// How long open requests may take to end after the shutdown signal.
    pub drain_timeout: Duration,
}

/// How long a client may take for each part of its side.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a request's head to its last, however they are spread.
    pub header: Duration,
    /// From the end of an answer to the next request; with HTTP/2 also how long nothing may move at all.
    pub idle: Duration,
    /// The pace at which answers are taken.
    pub pace: Pace,
}

/// The least pace of bytes: each second beyond the grace must have brought so many.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long there may be none.
    pub grace: Duration,
    /// Bytes a second.
    pub bytes_per_second: u32,
}

impl Pace {
    /// How long a transfer of which `bytes` have come may have lasted.
    pub fn allowance(&self, bytes: usize) -> Duration {
        self.grace + Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second.max(1)))
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self { grace: Duration::from_secs(5), bytes_per_second: 1_024 }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            pace: Pace::default(),
        }
    }
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            max_connections: 100_000,
            max_connections_per_source: 4_096,
            proxies: Vec::new(),
            max_header_bytes: 16 * 1024,
            patience: Patience::default(),
            tls: None,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// The socket that a request came over, found in the request's extensions. Whoever takes the socket over keeps a clone:
/// the connection's place is free again when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end, as the socket says: a client, or a proxy ([`crate::forwarded`]).
    pub peer: SocketAddr,
    /// Whether it speaks TLS with us.
    pub tls: bool,
    place: Arc<Place>,
}

impl Connection {
    /// Its place, for whoever needs nothing else of it.
    pub fn place(&self) -> Arc<Place> {
        self.place.clone()
    }
}

/// Takes the bare socket back from a connection that was upgraded, with what hyper has read beyond the request. hyper's
/// buffers go.
pub fn take_socket(upgraded: Upgraded) -> Result<(TcpStream, Vec<u8>), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<Wire<TcpStream>>>()?;
    Ok((parts.io.into_inner().into_inner(), parts.read_buf.to_vec()))
}

/// Serves `router` on `listener` until `shutdown` is cancelled, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    options: ListenerOptions,
) -> io::Result<()> {
    let places = Places::new(&options);
    let http = Arc::new(Http::new(router, &options, shutdown.clone()));
    let open = TaskTracker::new();
    let abandon = CancellationToken::new();
    let watch = options.tls.clone().map(|tls| tokio::spawn(tls.watch()));

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
        let place = match places.take(peer.ip()) {
            Ok(place) => place,
            Err(full) => {
                // Closing at once tells the client more than a connection that nobody reads.
                count_closed(full.as_str());
                continue;
            }
        };
        let connection = Connection { peer, tls: options.tls.is_some(), place: Arc::new(place) };
        let (http, abandon) = (http.clone(), abandon.clone());
        open.spawn(async move {
            tokio::select! {
                () = http.serve(stream, connection) => {}
                () = abandon.cancelled() => {}
            }
        });
    }

    drop(listener);
    if let Some(watch) = watch {
        watch.abort();
    }
    open.close();
    if tokio::time::timeout(options.drain_timeout, open.wait()).await.is_err() {
        tracing::warn!(open = open.len(), "requests were still open at the end and are cut off");
        abandon.cancel();
        open.wait().await;
    }
    Ok(())
}

/// Counts a connection that the server closed against its client's will.
pub(crate) fn count_closed(reason: &'static str) {
    metrics::counter!("anser_http_connections_closed_total", "reason" => reason).increment(1);
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
