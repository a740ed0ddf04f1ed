//! `/openapi.json`, `/docs` and `/docs/errors`: the API explains itself, without the internet.

use std::{fmt::Write as _, sync::Arc};

use anser_types::{Code, Error};
use axum::{
    extract::State,
    response::{Html, IntoResponse, Redirect, Response},
};
use http::{HeaderName, Method, header};
use utoipa_swagger_ui::Config;

use crate::{
    http::{App, extract::Path, openapi_document, table},
    problem::{Answer, title},
    rates::Rate,
    routes::{Class, Route, route},
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows =
        [
            route(Method::GET, "/openapi.json", "openapi", document).about("This document").answers_other(
                200,
                Some("application/json"),
                "An OpenAPI 3.1 document",
            ),
            route(Method::GET, "/docs", "docs", entrance).about("This document, to browse").answers_other(
                303,
                None,
                "To the start page",
            ),
            route(Method::GET, "/docs/", "docs_start", start_page).about("The start page").answers_other(
                200,
                Some("text/html"),
                "A page",
            ),
            route(Method::GET, "/docs/errors", "docs_errors", errors)
                .about("What each error code means")
                .answers_other(200, Some("text/html"), "A page"),
            route(Method::GET, "/docs/{file}", "docs_file", file).about("A part of the start page").answers_other(
                200,
                Some("*/*"),
                "A file",
            ),
        ];
    rows.into_iter().map(|row| row.class(Class::Public).rate(Rate::Public).tag("operations")).collect()
}

async fn document(State(app): State<App>) -> impl IntoResponse {
    let document = app.openapi.get_or_init(|| openapi_document(&table()).into());
    ([(header::CONTENT_TYPE, "application/json")], document.clone())
}

async fn entrance() -> Redirect {
    Redirect::to("/docs/")
}

/// The pages are scripts and styles of this server; nothing else may run in them.
const PAGE_POLICY: [(HeaderName, &str); 1] = [(
    header::CONTENT_SECURITY_POLICY,
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
)];

async fn start_page() -> Answer<impl IntoResponse> {
    Ok((PAGE_POLICY, page_file("index.html")?))
}

async fn file(Path(name): Path<String>) -> Answer<Response> {
    page_file(&name)
}

/// The pages of Swagger UI are part of the binary.
fn page_file(name: &str) -> Answer<Response> {
    let config = Config::new(["/openapi.json"]).try_it_out_enabled(true).validator_url("none");
    match utoipa_swagger_ui::serve(name, Arc::new(config)) {
        Ok(Some(file)) => Ok(([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()),
        Ok(None) => Err(Error::not_found("page").into()),
        Err(_) => Err(Error::internal("the start page cannot be made").into()),
    }
}

async fn errors() -> impl IntoResponse {
    let mut rows = String::new();
    for &code in Code::ALL {
        let retry = if code.retryable() { "yes" } else { "no" };
        let (words, status, meaning) = (title(code), code.http_status(), code.meaning());
        let _ = writeln!(
            rows,
            "<tr id=\"{code}\"><td><code>{code}</code></td><td>{words}</td><td>{status}</td><td>{retry}</td>\
             <td>{meaning}</td></tr>"
        );
    }
    (PAGE_POLICY, Html(ERRORS_PAGE.replace("{rows}", &rows.replace('`', ""))))
}

const ERRORS_PAGE: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>Anser: error codes</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.4rem .8rem;text-align:left;border-bottom:1px solid #ccc}
tr:target{background:#ffd}</style>
<h1>Error codes</h1>
<p>Every error is a problem document (RFC 9457) with one of these codes. Decide by the code and by nothing else.
After a retryable error the same call may succeed later; whether this one had an effect is not said.</p>
<table><thead><tr><th>Code</th><th>Title</th><th>HTTP</th><th>Retryable</th><th>Meaning</th></tr></thead>
<tbody>
{rows}</tbody></table></html>
";
