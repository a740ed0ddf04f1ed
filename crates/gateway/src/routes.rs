//! The route table: what is mounted, who may come in, and how the API document describes it, in one row each.
//!
//! A row is the only way to mount anything, and a row without a [`Class`] or a [`Rate`] fails the start ([`mount`]). The API document
//! is made from the same rows, so it can neither miss a route nor promise one.
//!
//! Paths may end in a verb (`/v1/sessions:refresh`, `/v1/friend-requests/{request_id}:accept`). axum's router knows no
//! text after a parameter, so a verb is mounted as a segment of its own, and [`split_verb`] rewrites requests alike.

use std::{collections::HashSet, convert::Infallible, fmt};

use anser_types::Code;
use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{Method, Uri, uri::PathAndQuery};
use utoipa::{
    ToSchema,
    openapi::{
        RefOr,
        path::{Operation, Parameter},
    },
};

use crate::{
    http::{App, guard, openapi},
    rates::Rate,
};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Anybody.
    Public,
    /// A person with a valid access token.
    User,
    /// An administrator. Nobody is one yet, so nobody comes in.
    Admin,
    /// A service with a key of its own. There are no such keys yet, so nobody comes in.
    Service,
}

/// What stands before a row's handler.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Who may come in.
    pub class: Class,
    /// How often.
    pub rate: Rate,
    /// Whether the request has a body that the handler wants.
    pub takes_body: bool,
    /// Whether bytes go through the handler as they come, in either direction, for as long as that takes.
    pub streams: bool,
    /// Whether that body is a recording.
    pub takes_recording: bool,
    /// Whether it may take as long as a request may ask for.
    pub slow: bool,
}

/// One row of the table.
pub struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) class: Option<Class>,
    rate: Option<Rate>,
    keyed: bool,
    streams: bool,
    recording: bool,
    slow: bool,
    handler: MethodRouter<App, Infallible>,
    pub(crate) operation: Operation,
    pub(crate) schemas: Vec<openapi::Collect>,
    pub(crate) refusals: Vec<Code>,
}

/// A row for `method` on `path`, of which nobody has said yet who may call it, and how often. `name` names the operation in the API document.
pub fn route<H, T>(method: Method, path: &'static str, name: &'static str, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("the table uses methods that axum knows");
    let mut operation = Operation::new();
    operation.operation_id = Some(name.to_owned());
    let handler = on(filter, handler);
    Route {
        method,
        path,
        class: None,
        rate: None,
        keyed: false,
        streams: false,
        recording: false,
        slow: false,
        handler,
        operation,
        schemas: Vec::new(),
        refusals: Vec::new(),
    }
}

impl Route {
    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Its path, as clients write it.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Who may call it, if that was said.
    pub fn class_of(&self) -> Option<Class> {
        self.class
    }

    /// How often one may call it, if that was said.
    pub fn rate_of(&self) -> Option<Rate> {
        self.rate
    }

    /// Its name in the API document.
    pub fn name(&self) -> &str {
        self.operation.operation_id.as_deref().unwrap_or_default()
    }

    /// What it does, in one sentence.
    pub fn summary(&self) -> &str {
        self.operation.summary.as_deref().unwrap_or_default()
    }

    /// Whether it takes an `Idempotency-Key`.
    pub fn takes_key(&self) -> bool {
        self.keyed
    }

    /// Who may call it.
    pub fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }

    /// How often one may call it.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// What it does, in one sentence.
    pub fn about(mut self, summary: &str) -> Self {
        self.operation.summary = Some(summary.to_owned());
        self
    }

    /// The small print.
    pub fn details(mut self, text: &str) -> Self {
        self.operation.description = Some(text.to_owned());
        self
    }

    /// Where it stands in the API document.
    pub fn tag(mut self, tag: &str) -> Self {
        self.operation.tags = Some(vec![tag.to_owned()]);
        self
    }

    /// Parameters of the query string.
    pub fn query<Q: utoipa::IntoParams>(mut self) -> Self {
        let parameters = Q::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query));
        self.parameters(parameters);
        self
    }

    /// It takes an `Idempotency-Key`.
    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self.parameters(vec![openapi::idempotency_key()]);
        self.refuses(&[Code::IdempotencyConflict])
    }

    /// The JSON body that it wants.
    pub fn takes<B: ToSchema>(mut self) -> Self {
        self.operation.request_body = Some(openapi::request_body::<B>(&mut self.schemas).into());
        self.refuses(&[Code::TooLarge, Code::Unsupported])
    }

    /// Bytes go through its handler as they come, at the client's pace: the handler keeps the times of its own calls. With
    /// the media types of the body that it wants, if it wants one.
    pub fn streams(mut self, media_types: &[&str], what: &str) -> Self {
        self.streams = true;
        if media_types.is_empty() {
            return self;
        }
        self.operation.request_body = Some(openapi::streamed_body(media_types, what).into());
        self.refuses(&[Code::TooLarge, Code::StorageFull, Code::FileStoreUnavailable, Code::LimitExceeded])
    }

    /// The recording that it wants, as it is.
    pub fn takes_recording(mut self) -> Self {
        self.recording = true;
        self.operation.request_body = Some(openapi::recording().into());
        self.refuses(&[Code::TooLarge, Code::Unsupported])
    }

    /// It may take as long as a request may ask for.
    pub fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// Its answer.
    pub fn answers<A: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let response = openapi::response::<A>(&mut self.schemas, what);
        self.operation.responses.responses.insert(status.to_string(), response.into());
        self
    }

    /// An answer that is not one of our JSON shapes; without a media type it has no body.
    pub fn answers_other(mut self, status: u16, media_type: Option<&str>, what: &str) -> Self {
        let response = openapi::other_response(media_type, what);
        self.operation.responses.responses.insert(status.to_string(), response.into());
        self
    }

    /// Errors beyond those that every route of its shape may answer.
    pub fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }

    fn gate(&self) -> Result<Gate, TableError> {
        let place = || format!("{} {}", self.method, self.path);
        Ok(Gate {
            class: self.class.ok_or_else(|| TableError::Unclassified(place()))?,
            rate: self.rate.ok_or_else(|| TableError::Unlimited(place()))?,
            takes_body: self.operation.request_body.is_some() && !self.streams,
            streams: self.streams,
            takes_recording: self.recording,
            slow: self.slow,
        })
    }

    fn parameters(&mut self, parameters: Vec<Parameter>) {
        self.operation.parameters.get_or_insert_default().extend(parameters.into_iter().map(RefOr::T));
    }
}

/// Why the table cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    /// Nobody said who may call this route.
    Unclassified(String),
    /// Nobody said how often one may call this route.
    Unlimited(String),
    /// Two rows have the same method and path, or the same operation name.
    Twice(String),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableError::Unclassified(route) => write!(f, "the route {route} is not classified"),
            TableError::Unlimited(route) => write!(f, "the route {route} has no rate"),
            TableError::Twice(what) => write!(f, "{what} stands in the route table twice"),
        }
    }
}

impl std::error::Error for TableError {}

/// Checks that every row has its class and its rate, and stands alone.
pub fn check(routes: &[Route]) -> Result<(), TableError> {
    let mut seen = HashSet::new();
    for route in routes {
        route.gate()?;
        let place = format!("{} {}", route.method, route.path);
        for what in [Some(place), route.operation.operation_id.clone()].into_iter().flatten() {
            if !seen.insert(what.clone()) {
                return Err(TableError::Twice(what));
            }
        }
    }
    Ok(())
}

/// Mounts every row behind its gate. Fails if [`check`] does.
pub fn mount(routes: Vec<Route>, app: &App) -> Result<Router<App>, TableError> {
    check(&routes)?;
    let mut router = Router::new().without_v07_checks();
    for route in routes {
        let gate = route.gate()?;
        let guarded = route.handler.route_layer(from_fn_with_state((app.clone(), gate), guard::guard));
        router = router.route(&mounted(route.path), guarded);
    }
    Ok(router)
}

/// `/a/{b}:verb` as axum mounts it.
fn mounted(path: &str) -> String {
    path.replace(':', "/:")
}

/// A mounted path as the table writes it.
pub fn written(mounted: &str) -> String {
    mounted.replace("/:", ":")
}

/// Rewrites `/a/b:verb` to `/a/b/:verb`. A segment that begins with a colon is nobody's: it is left to match nothing,
/// so that every route has one spelling.
pub fn split_verb<B>(mut request: http::Request<B>) -> http::Request<B> {
    // Some clients write the colon as an escape.
    let path = &request.uri().path().replace("%3A", ":").replace("%3a", ":");
    let rewritten = if path.contains("/:") {
        Some("/:".to_owned())
    } else {
        let last = path.rfind('/').map_or(0, |slash| slash + 1);
        path[last..].split_once(':').map(|(named, verb)| format!("{}{named}/:{verb}", &path[..last]))
    };
    if let Some(path) = rewritten
        && let Some(uri) = with_path(request.uri(), &path)
    {
        *request.uri_mut() = uri;
    }
    request
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn nothing() {}

    fn rewritten(uri: &str) -> String {
        split_verb(http::Request::builder().uri(uri).body(()).unwrap()).uri().to_string()
    }

    #[test]
    fn an_unclassified_route_fails_the_start_and_is_named() {
        let routes = [
            route(Method::GET, "/v1/a", "a", nothing).class(Class::Public).rate(Rate::Free),
            route(Method::POST, "/v1/forgotten", "forgotten", nothing),
        ];
        let error = check(&routes).unwrap_err();
        assert_eq!(error, TableError::Unclassified("POST /v1/forgotten".into()));
        assert_eq!(error.to_string(), "the route POST /v1/forgotten is not classified");
    }

    #[test]
    fn a_route_without_a_rate_fails_the_start_and_is_named() {
        let error = check(&[route(Method::GET, "/v1/a", "a", nothing).class(Class::Public)]).unwrap_err();
        assert_eq!(error.to_string(), "the route GET /v1/a has no rate");
    }

    #[test]
    fn a_route_stands_in_the_table_once() {
        let at = |path, name| route(Method::GET, path, name, nothing).class(Class::User).rate(Rate::Read);
        let row = |name| at("/v1/a", name);
        assert_eq!(check(&[row("a"), row("b")]), Err(TableError::Twice("GET /v1/a".into())));
        assert_eq!(check(&[row("a"), at("/v1/b", "a")]), Err(TableError::Twice("a".into())));
    }

    #[test]
    fn verbs_become_segments() {
        assert_eq!(rewritten("/v1/friend-requests/abc:accept"), "/v1/friend-requests/abc/:accept");
        assert_eq!(rewritten("/v1/users:lookup?username=a:b"), "/v1/users/:lookup?username=a:b");
        assert_eq!(rewritten("/v1/users/abc"), "/v1/users/abc");
        assert_eq!(rewritten("/v1/a:b/c"), "/v1/a:b/c");
        assert_eq!(rewritten("/v1/users/:lookup"), "/:");
    }
}
