//! `/healthz`, `/readyz` and `/metrics` of a process without the gateway, which answers them itself.

use anser_gateway::Health;
use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Answers probes until the shutdown.
pub fn serve(listener: TcpListener, health: &Health, metrics: &Metrics, shutdown: &CancellationToken) {
    let (health, metrics, shutdown) = (health.clone(), metrics.clone(), shutdown.clone());
    let ready = move || async move {
        let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(json!({ "ready": health.is_ready(), "degraded": health.degraded() })))
    };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || async move { metrics.render() }));
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "probes are no longer answered");
        }
    });
}
