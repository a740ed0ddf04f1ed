//! The gateway as this process runs it: let people in, and at the end tell them goodbye.

use std::{sync::Arc, time::Duration};

use anser_gateway::{Gateway, GatewayServices, Health, ListenerOptions, chatroom};
use anser_types::Clock;
use anyhow::Context;
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, lifecycle, metrics::Metrics, options};

/// How long the announcement waits for the services. Beyond that people may knock, and are told to come again.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(2);

/// The gateway, made and not yet open.
pub struct Door {
    gateway: Arc<Gateway>,
    router: axum::Router,
    chatroom: axum::Router,
    health: Health,
    listener: ListenerOptions,
    data_dir: std::path::PathBuf,
    drain: Duration,
    reconnect_spread_ms: u32,
}

impl Door {
    /// Makes the gateway in front of `services`.
    pub fn open(
        config: &Config,
        services: GatewayServices,
        clock: &Clock,
        health: &Health,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let gateway = Gateway::new(services, options::gateway(config), clock.clone());
        let tls = options::tls(config, clock).context("cannot use the certificate")?;
        let metrics = metrics.clone();
        let router = anser_gateway::router(gateway.clone(), health.clone(), Arc::new(move || metrics.render()))?;
        let chatroom = chatroom::router(gateway.clone());
        Ok(Self {
            gateway,
            router,
            chatroom,
            health: health.clone(),
            listener: ListenerOptions { tls, ..options::listener(config) },
            data_dir: config.server.data_dir.clone(),
            drain: Duration::from_millis(config.server.drain_ms),
            reconnect_spread_ms: config.gateway.reconnect_spread_ms,
        })
    }

    /// Lets people in until the shutdown, then says goodbye: readiness off, no new connections, open requests finish,
    /// WebSockets are told when to come back.
    pub async fn serve(
        self,
        socket: Option<TcpListener>,
        chatroom: Vec<TcpListener>,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let socket = socket.context("the gateway has no socket")?;
        let address = socket.local_addr()?;
        self.gateway.start();
        let scheme = if self.listener.tls.is_some() { "https" } else { "http" };
        // Clients of that protocol speak in the clear.
        let clear = ListenerOptions { tls: None, ..self.listener.clone() };
        let served = tokio::spawn(anser_gateway::serve(socket, self.router, shutdown.clone(), self.listener));
        self.health.set_ready(true);
        if timeout(PATIENCE, services_known(&self.gateway)).await.is_err() {
            tracing::warn!("the services are not all there yet");
        }
        lifecycle::announce(scheme, address, &self.data_dir);
        lifecycle::announce_chatroom(&chatroom);
        let adapted = chatroom.into_iter().map(|socket| {
            tokio::spawn(anser_gateway::serve(socket, self.chatroom.clone(), shutdown.clone(), clear.clone()))
        });
        let adapted: Vec<_> = adapted.collect();
        shutdown.cancelled().await;

        self.health.set_ready(false);
        lifecycle::bounded(self.drain, async {
            // The gateway spreads the times from half of this to one and a half.
            self.gateway.drain(self.reconnect_spread_ms * 2 / 3).await;
            for served in adapted.into_iter().chain([served]) {
                if let Ok(Err(error)) = served.await {
                    tracing::warn!(%error, "a listener failed");
                }
            }
        })
        .await;
        self.gateway.stop().await;
        Ok(())
    }
}

/// Waits until the gateway can tell who may come in, and from where they go on.
async fn services_known(gateway: &Gateway) {
    while !gateway.knows_services() {
        sleep(LOOK).await;
    }
}
