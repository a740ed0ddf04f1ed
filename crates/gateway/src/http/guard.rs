//! Who may come in: the check of a route's class, before its handler.

use anser_contract::Context;
use anser_types::{Code, Error};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::header::AUTHORIZATION;

use crate::{http::App, problem::Answer, routes::Class};

/// Lets the request go on if its class allows it, with the caller written into its [`Context`].
pub async fn guard(State((app, class)): State<(App, Class)>, mut request: Request, next: Next) -> Answer<Response> {
    match class {
        Class::Public => {}
        Class::User => {
            let token = bearer(&request).ok_or_else(|| unauthenticated("this needs an access token"))?;
            let identity = app.gateway.identities.verify(token).await?;
            if let Some(context) = request.extensions_mut().get_mut::<Context>() {
                context.actor = identity.actor();
            }
        }
        Class::Admin | Class::Service => return Err(Error::new(Code::Forbidden, "this is not for you").into()),
    }
    Ok(next.run(request).await)
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated(detail: &'static str) -> Error {
    Error::new(Code::Unauthenticated, detail)
}
