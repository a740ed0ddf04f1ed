//! The start and the end of the process: threads, sockets, signals.
//!
//! Sockets are bound before anything is started, so that a taken port costs nothing. The first SIGTERM or SIGINT cancels
//! the token that everything watches; the second ends the process at once.

use std::{io, net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Chatroom, Config},
    roles::Placement,
};

/// Threads that hash passwords and touch files; more work than that waits.
const BLOCKING_THREADS: usize = 16;

/// The threads of asynchronous work. `workers` = 0: one per core.
pub fn runtime(workers: usize) -> io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.max_blocking_threads(BLOCKING_THREADS).thread_name("worker").enable_all().build()
}

/// Every socket that this process listens on, bound and not yet served.
pub struct Sockets {
    /// For clients.
    pub clients: Option<TcpListener>,
    /// For clients of the chat-room protocol: one socket, or one for calls and one for WebSockets.
    pub chatroom: Vec<TcpListener>,
    /// For other processes of ours.
    pub peers: Option<TcpListener>,
    /// For those who watch a process without the gateway.
    pub probes: Option<TcpListener>,
}

impl Sockets {
    /// Binds what the placement needs.
    pub async fn bind(config: &Config, placement: &Placement) -> anyhow::Result<Self> {
        let clients = Some(config.server.listen);
        let (clients, peers, probes) = match placement {
            Placement::All { loopback: false } | Placement::Gateway { .. } => (clients, None, None),
            Placement::All { loopback: true } => (clients, Some(SocketAddr::from(([127, 0, 0, 1], 0))), None),
            Placement::Store { listen } => (None, Some(*listen), config.telemetry.probes_listen),
        };
        let chatroom = match clients {
            Some(_) if config.chatroom.enabled => bind_chatroom(&config.chatroom).await?,
            _ => Vec::new(),
        };
        Ok(Self { clients: bind(clients).await?, chatroom, peers: bind(peers).await?, probes: bind(probes).await? })
    }
}

async fn bind_chatroom(config: &Chatroom) -> anyhow::Result<Vec<TcpListener>> {
    let same = config.http_listen == config.ws_listen && config.http_listen.port() != 0;
    let addresses = if same { vec![config.http_listen] } else { vec![config.http_listen, config.ws_listen] };
    let mut sockets = Vec::new();
    for address in addresses {
        sockets.extend(bind(Some(address)).await?);
    }
    Ok(sockets)
}

async fn bind(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    Ok(Some(listener))
}

/// Cancels `shutdown` at the first SIGTERM or SIGINT and ends the process at the second.
pub fn watch_signals(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch signals")?;
    tokio::spawn(async move {
        for count in 1.. {
            let (name, number) = tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 15),
                _ = interrupt.recv() => ("SIGINT", 2),
            };
            if count > 1 {
                tracing::warn!(signal = name, "a second signal: ending now");
                std::process::exit(128 + number);
            }
            tracing::info!(signal = name, "shutting down; a second signal ends the process at once");
            shutdown.cancel();
        }
    });
    Ok(())
}

/// Runs the farewell for at most `limit`.
pub async fn bounded(limit: Duration, farewell: impl Future<Output = ()>) {
    if tokio::time::timeout(limit, farewell).await.is_err() {
        tracing::warn!(limit_ms = limit.as_millis() as u64, "the time to shut down has run out");
    }
}

/// Says where to go, on standard output. Programs that start the server read the first line.
pub fn announce(scheme: &str, address: SocketAddr, data_dir: &Path) {
    println!("anser is ready at {scheme}://{address}");
    println!("  the API, to read and to try   {scheme}://{address}/docs");
    if scheme == "http" {
        println!("  a chat in the terminal        anser chat --server http://{address}");
    }
    println!("  the data                      {}", data_dir.display());
}

/// Says where clients of the chat-room protocol go.
pub fn announce_chatroom(sockets: &[TcpListener]) {
    let address = |socket: Option<&TcpListener>| socket.and_then(|socket| socket.local_addr().ok());
    if let (Some(http), Some(ws)) = (address(sockets.first()), address(sockets.last())) {
        println!("  for chat-room clients         calls {http}, WebSockets {ws}");
    }
}

/// Says where gateways find this process.
pub fn announce_store(listener: Option<&TcpListener>) {
    if let Some(address) = listener.and_then(|listener| listener.local_addr().ok()) {
        println!("anser is ready for gateways at http://{address}");
    }
}
