//! The HTTP API: one file for each resource, each with its rows of the route table and its handlers.
//!
//! A request's way: [`crate::listener`] → [`crate::routes::split_verb`] → [`around`] (id, deadline, log, metrics,
//! problem document) → [`cors`] → [`guard`] (the row's gate: who, how often, the body) → a handler here (shape in, calls,
//! shape out).

mod archive;
pub mod around;
mod avatars;
mod blocks;
mod changes;
mod conversations;
pub mod cors;
mod docs;
mod downloads;
pub mod extract;
mod file_batch;
pub(crate) mod file_content;
mod files;
mod friend_categories;
mod friend_requests;
mod friends;
mod groups;
pub mod guard;
pub mod intake;
mod invitations;
mod joining;
mod members;
mod messages;
pub mod openapi;
mod paging;
mod phones;
mod presence;
mod probes;
mod profiles;
pub(crate) mod ranges;
mod scheduled;
mod schemas;
mod search;
mod sessions;
mod socket;
mod speech;
mod sync;
mod trace;
mod transfer;
mod uploads;
mod users;

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};

use anser_types::{Code, Error};
use axum::{Router, extract::FromRef, middleware::from_fn_with_state};
use bytes::Bytes;
use http::StatusCode;
use tower::{ServiceBuilder, ServiceExt};

use crate::{
    health::Health,
    problem::Refusal,
    routes::{self, Route, TableError},
    state::Gateway,
};

/// Renders the process's metrics in Prometheus' text format.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What handlers share.
#[derive(Clone)]
pub struct App {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) health: Health,
    pub(crate) metrics: MetricsText,
    /// Made when first asked for: most processes never are, and it takes some megabytes to make.
    pub(crate) openapi: Arc<OnceLock<Bytes>>,
}

impl FromRef<App> for Arc<Gateway> {
    fn from_ref(app: &App) -> Self {
        app.gateway.clone()
    }
}

/// The whole HTTP side of `gateway`. Fails where the route table is not complete.
pub fn router(gateway: Arc<Gateway>, health: Health, metrics: MetricsText) -> Result<Router, TableError> {
    let table = table();
    routes::check(&table)?;
    let app = App { gateway, health, metrics, openapi: Arc::default() };
    let routed = routes::mount(table, &app)?
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(app.clone(), cors::cors))
        .layer(from_fn_with_state(app.clone(), around::around))
        .with_state(app);
    // Routing happens inside a router, so what rewrites paths must stand before it, as a service of its own.
    let rewritten = ServiceBuilder::new().map_request(routes::split_verb::<axum::body::Body>).service(routed);
    Ok(Router::new().fallback_service(rewritten.map_err(|never: Infallible| match never {})))
}

/// Every row.
pub fn table() -> Vec<Route> {
    let rows = [
        users::routes(),
        sessions::routes(),
        phones::routes(),
        friend_requests::routes(),
        friends::routes(),
        friend_categories::routes(),
        presence::routes(),
        blocks::routes(),
        conversations::routes(),
        messages::routes(),
        changes::routes(),
        scheduled::routes(),
        speech::routes(),
        groups::routes(),
        members::routes(),
        invitations::routes(),
        joining::routes(),
        sync::routes(),
        files::routes(),
        archive::routes(),
        file_batch::routes(),
        file_content::routes(),
        downloads::routes(),
        uploads::routes(),
        avatars::routes(),
        search::routes(),
        socket::routes(),
        probes::routes(),
        docs::routes(),
        #[cfg(feature = "echo")]
        crate::ws::echo::routes(),
    ];
    rows.into_iter().flatten().collect()
}

/// The API document as `/openapi.json` answers it.
pub fn openapi_document(table: &[Route]) -> String {
    let mut document = serde_json::to_value(openapi::describe(table)).expect("the API document is plain JSON");
    schemas::tidy(&mut document);
    format!("{document:#}")
}

async fn unknown() -> Refusal {
    Error::not_found("path").into()
}

/// There is no code for a wrong method: what the caller wants is not offered here.
async fn not_allowed() -> Refusal {
    let error = Error::new(Code::Unsupported, "this path does not take that method");
    Refusal::from(error).with_status(StatusCode::METHOD_NOT_ALLOWED)
}
