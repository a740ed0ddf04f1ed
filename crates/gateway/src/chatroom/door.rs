//! What stands around every verb: the body, whose session it names, how often they may ask, and the answer.
//!
//! Here does not live: which calls there are ([`super::table`]).

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anser_contract::{Actor, Context, v1::ResolveRequest};
use anser_types::{Code, Id, SessionId, UserId};
use axum::{
    body::{Body, BodyDataStream},
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
    },
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    Room,
    call::{Answer, Call},
    table::About,
    wire::{Answered, Asked},
    words::{NO_NODE, Refused, TOO_LARGE, TOO_OFTEN, TOO_SLOW, UNKNOWN_SESSION, UNREADABLE},
};
use crate::{
    forwarded,
    identity::Identity,
    listener::{Connection, count_closed},
    rates::{Asker, Rate},
};

/// What large bodies are counted in.
pub(super) const UNIT: usize = 64 << 10;
/// The largest body of an ordinary call, and of one with media.
const SMALL_BODY: usize = 256 << 10;
const LARGE_BODY: usize = 32 << 20;
/// How long a body with media may take, however steadily it comes.
const LARGE_PATIENCE: Duration = Duration::from_secs(300);
/// Longer texts are no tokens.
const TOKEN_BYTES: usize = 256;

/// Answers one request.
pub(super) async fn answer<Q, F>(
    room: Arc<Room>,
    about: About,
    request: Request,
    verb: impl FnOnce(Call, Q) -> F,
) -> Response
where
    Q: Asked,
    F: Future<Output = Result<Answer<Q::Answer>, Refused>>,
{
    let mut ctx = circumstances(&room, &request);
    let taken = match take_in(&room, about, request).await {
        Ok(taken) => taken,
        Err(refused) => return sealed::<Q::Answer>(about, String::new(), Err(refused)),
    };
    let Ok(mut asked) = Q::decode(taken.bytes) else {
        return sealed::<Q::Answer>(about, String::new(), Err(format!("{}{UNREADABLE}", about.name).into()));
    };
    let request_id = asked.take_request_id();
    // The client had its own time for the body; now begins ours.
    let timings = &room.gateway.options.timings;
    ctx.deadline = Instant::now() + if about.large { timings.request_max } else { timings.request };
    let outcome = async {
        if about.signed_in {
            ctx.actor = identify(&room, &ctx, asked.token()).await?.actor();
        }
        take(&room, about.rate, &ctx)?;
        let call = Call { room: room.clone(), ctx: ctx.clone(), part: about.part };
        match timeout_at(ctx.deadline, AssertUnwindSafe(verb(call, asked)).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                // The process's panic hook says where and why.
                tracing::error!(request.id = ctx.request_id, call = about.name, "a chat-room call panicked");
                Err(about.part.failed())
            }
            Err(_) => Err(about.part.failed()),
        }
    };
    let outcome = outcome.await;
    sealed(about, request_id, outcome)
}

/// A body, and the room that it takes in memory until its call is answered.
struct Taken {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Takes a body in: whole, bounded in bytes and in time. The bytes of large ones are counted as they come, so that who
/// announces much and sends nothing keeps nobody out.
async fn take_in(room: &Room, about: About, request: Request) -> Result<Taken, Refused> {
    let intake = &room.gateway.options.intake;
    let (limit, whole) = if about.large { (LARGE_BODY, LARGE_PATIENCE) } else { (SMALL_BODY, intake.whole) };
    let began = Instant::now();
    let mut body: BodyDataStream = request.into_body().into_data_stream();
    let (mut bytes, mut permit) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
    loop {
        let allowed = intake.pace.allowance(bytes.len()).min(whole);
        let Ok(next) = timeout_at(began + allowed, body.next()).await else {
            count_closed("body");
            return Err(TOO_SLOW.into());
        };
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|_| Refused::from(format!("{}{UNREADABLE}", about.name)))?;
        let length = bytes.len() + chunk.len();
        if length > limit {
            discard(body, limit, began + allowed).await;
            return Err(TOO_LARGE.into());
        }
        let held = permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) * UNIT + SMALL_BODY;
        if length > held {
            let more = ((length - held).div_ceil(UNIT)) as u32;
            let Ok(more) = room.large.clone().try_acquire_many_owned(more) else {
                discard(body, limit, began + allowed).await;
                return Err(TOO_OFTEN.into());
            };
            match &mut permit {
                Some(permit) => permit.merge(more),
                None => permit = Some(more),
            }
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Taken { bytes: bytes.freeze(), _room: permit })
}

/// What nobody will look at is still taken a while longer: a connection closed while its client writes is reset, and the
/// client never sees the answer.
async fn discard(mut body: BodyDataStream, most: usize, until: Instant) {
    let mut length = 0;
    while let Ok(Some(Ok(chunk))) = timeout_at(until, body.next()).await {
        length += chunk.len();
        if length > most {
            return;
        }
    }
}

pub(super) fn circumstances(room: &Room, request: &Request) -> Context {
    let mut ctx = Context::new(Actor::Anonymous, Id::new(&room.gateway.clock).to_string());
    let connection = request.extensions().get::<Connection>();
    let proxies = &room.gateway.options.trusted_proxies;
    ctx.client_ip = connection.map(|connection| forwarded::client(connection.peer.ip(), request.headers(), proxies));
    ctx
}

/// Whose session the token is.
pub(super) async fn identify(room: &Room, ctx: &Context, token: &str) -> Result<Identity, Refused> {
    match resolve(room, ctx, token).await {
        Ok(identity) => Ok(identity),
        Err(error) => match error.code {
            Code::Unavailable | Code::DeadlineExceeded | Code::Internal => Err(NO_NODE.into()),
            _ => {
                // Who tries one token after the other is a stranger who asks too often.
                take(room, Rate::Public, ctx)?;
                Err(UNKNOWN_SESSION.into())
            }
        },
    }
}

async fn resolve(room: &Room, ctx: &Context, token: &str) -> anser_types::Result<Identity> {
    if token.is_empty() || token.len() > TOKEN_BYTES {
        return Err(anser_types::Error::new(Code::Unauthenticated, "no token"));
    }
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    let claims = room.gateway.services.opaque.resolve(&service, ResolveRequest { token: token.to_owned() }).await?;
    let identity = Identity {
        user: UserId::try_from(&claims.user_id[..])?,
        session: SessionId::try_from(&claims.session_id[..])?,
        device_id: claims.device_id,
    };
    room.gateway.identities.require_living(identity.session)?;
    Ok(identity)
}

fn take(room: &Room, rate: Rate, ctx: &Context) -> Result<(), Refused> {
    let asker = match (ctx.actor, ctx.client_ip) {
        (Actor::User(user, _), _) => Asker::User(user),
        (_, Some(address)) => Asker::at(address),
        (_, None) => return Ok(()),
    };
    room.gateway.rates.take(rate, asker, room.gateway.clock.now()).map_err(|_| TOO_OFTEN.into())
}

/// The answer as bytes. Refusals too have status 200: these clients take any other for a broken connection.
fn sealed<R: Answered>(about: About, request_id: String, outcome: Result<Answer<R>, Refused>) -> Response {
    let said = if outcome.is_ok() { "answered" } else { "refused" };
    metrics::counter!("anser_chatroom_calls_total", "call" => about.path, "outcome" => said).increment(1);
    let body = match outcome {
        Ok(Answer::Whole(answer)) => Body::from(answer.seal(request_id, None).encode_to_vec()),
        Ok(Answer::Streamed(head, fields)) => {
            let head = Bytes::from(head.seal(request_id, None).encode_to_vec());
            Body::from_stream(stream::once(async { Ok(head) }).chain(fields))
        }
        Err(Refused(words)) => Body::from(R::default().seal(request_id, Some(&words)).encode_to_vec()),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    common(headers);
    response
}

/// The answer to a browser that asks whether a page may call. A page needs a token, which no browser adds by itself, so
/// every page may.
pub(super) async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    common(headers);
    response
}

fn common(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(HeaderName::from_static("content-security-policy"), nothing);
}
