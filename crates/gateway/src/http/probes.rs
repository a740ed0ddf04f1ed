//! `/healthz`, `/readyz`, `/metrics`: for those who watch the process.

use anser_types::SessionId;
use axum::{Json, extract::State, response::IntoResponse};
use http::{Method, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::App,
    rates::Rate,
    routes::{Class, Route, route},
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows =
        [
            route(Method::GET, "/healthz", "health", alive).about("Whether the process is alive").answers_other(
                200,
                Some("text/plain"),
                "It is",
            ),
            route(Method::GET, "/readyz", "readiness", ready)
                .about("Whether the process takes requests, and what is degraded")
                .answers::<Readiness>(200, "It does")
                .answers::<Readiness>(503, "It starts, or drains"),
            route(Method::GET, "/metrics", "metrics", metrics)
                .about("Metrics in Prometheus' text format")
                .answers_other(200, Some("text/plain"), "The metrics"),
        ];
    rows.into_iter().map(|row| row.class(Class::Public).rate(Rate::Free).tag("operations")).collect()
}

/// Whether requests are welcome, and what works worse than promised.
#[derive(Serialize, ToSchema)]
struct Readiness {
    ready: bool,
    degraded: Vec<&'static str>,
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(app): State<App>) -> impl IntoResponse {
    // Until it is known which sessions have ended, nobody with a token is let in.
    let knows_sessions = app.gateway.identities.require_living(SessionId::default()).is_ok();
    let ready = app.health.is_ready() && knows_sessions && !app.gateway.draining();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, degraded: app.health.degraded() }))
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.metrics)())
}
