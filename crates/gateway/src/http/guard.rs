//! What stands before a handler: who may come in, how often, with what body, and for how long.

use anser_contract::Context;
use anser_types::{Code, Error};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header::AUTHORIZATION};
use tokio::time::{Instant, timeout_at};

use crate::{
    http::{App, intake},
    identity::Identity,
    problem::Answer,
    rates::{Asker, Rate},
    routes::{Class, Gate},
};

/// Lets the request go on if the row's gate allows it, with the caller written into its [`Context`]. Nothing of the body
/// is read before that.
pub async fn guard(State((app, gate)): State<(App, Gate)>, mut request: Request, next: Next) -> Answer<Response> {
    let Some(mut context) = request.extensions().get::<Context>().cloned() else {
        return Err(Error::internal("a request without circumstances").into());
    };
    let address = context.client_ip.map(Asker::at);
    let asker = match identify(&app, gate.class, &context, request.headers()).await {
        Ok(None) => address,
        Ok(Some(identity)) => {
            context.actor = identity.actor();
            Some(Asker::User(identity.user))
        }
        Err(refused) => {
            // Who tries one token after the other is a stranger who asks too often.
            take(&app, Rate::Public, address)?;
            return Err(refused.into());
        }
    };
    take(&app, gate.rate, asker)?;
    let options = &app.gateway.options;
    if gate.takes_body {
        let limit = match gate.class {
            _ if gate.takes_recording => options.recording_bytes,
            Class::Public => options.intake.anonymous_bytes,
            _ => options.limits.json_request_bytes as usize,
        };
        intake::take_in(&mut request, limit, &options.intake).await?;
    }
    if gate.takes_body || gate.slow {
        // The client had its own time for the body; now begins ours.
        let patience = if gate.slow { options.timings.request_max } else { options.timings.request };
        context.deadline = Instant::now() + patience;
    }
    let deadline = context.deadline;
    request.extensions_mut().insert(context);
    if gate.streams {
        return Ok(next.run(request).await);
    }
    timeout_at(deadline, next.run(request)).await.map_err(|_| late().into())
}

/// Who asks, where the class wants to know it.
async fn identify(
    app: &App,
    class: Class,
    context: &Context,
    headers: &HeaderMap,
) -> anser_types::Result<Option<Identity>> {
    match class {
        Class::Public => Ok(None),
        Class::User => {
            let token = bearer(headers).ok_or_else(|| unauthenticated("this needs an access token"))?;
            timeout_at(context.deadline, app.gateway.identities.verify(token)).await.map_err(|_| late())?.map(Some)
        }
        Class::Admin | Class::Service => Err(Error::new(Code::Forbidden, "this is not for you")),
    }
}

fn take(app: &App, rate: Rate, asker: Option<Asker>) -> anser_types::Result<()> {
    let Some(asker) = asker else { return Ok(()) };
    app.gateway.rates.take(rate, asker, app.gateway.clock.now())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated(detail: &'static str) -> Error {
    Error::new(Code::Unauthenticated, detail)
}

fn late() -> Error {
    Error::new(Code::DeadlineExceeded, "the request's time ran out")
}
