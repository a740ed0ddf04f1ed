//! Calls between processes: deadlines, service authentication, trace propagation, errors, retries. The generated
//! adapters use this and nothing else.

use std::{future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use anser_types::{Code, Error, Result, SessionId, UserId};
use futures_util::{Stream, StreamExt};
use prost::Message;
use tonic::{
    Request, Response, Status,
    metadata::{MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::{Actor, Context, Streaming, v1::Problem};

/// The largest message between processes. A sync answer is at most 1 MiB; batches of hints and sends stay below this.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

const RETRY_PAUSE: Duration = Duration::from_millis(50);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The secret that one process of ours shows another. Never printed.
#[derive(Clone)]
pub struct PeerSecret(Arc<str>);

impl PeerSecret {
    /// A secret as read from its file; surrounding white space does not count.
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().into())
    }

    fn matches(&self, shown: &str) -> bool {
        // Hashing both sides first makes the comparison's time independent of where they differ.
        let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        digest(&self.0).as_ref() == digest(shown).as_ref()
    }
}

/// Another process of ours, connected when first needed and again after each loss.
#[derive(Clone)]
pub struct Peer {
    channel: Channel,
    secret: PeerSecret,
}

impl Peer {
    /// A peer at `url` (`http://host:port`). Does not connect yet.
    pub fn new(url: &str, secret: PeerSecret) -> Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| Error::invalid(format!("peer address {url:?}: {error}")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(1))
            .keep_alive_timeout(Duration::from_secs(1))
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(8 << 20);
        Ok(Self { channel: endpoint.connect_lazy(), secret })
    }

    /// The process that listens at the Unix socket `path`. Does not connect yet.
    pub fn at_socket(path: &Path, secret: PeerSecret) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("unix:{}", path.display()))
            .map_err(|error| Error::invalid(format!("socket {}: {error}", path.display())))?
            .connect_timeout(CONNECT_TIMEOUT);
        Ok(Self { channel: endpoint.connect_lazy(), secret })
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// One call and its answer. Where the method is idempotent an unreachable peer is tried once more.
    pub(crate) async fn call<Q, A, F, Fut>(&self, ctx: &Context, idempotent: bool, request: Q, call: F) -> Result<A>
    where
        Q: Clone,
        F: Fn(Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        let attempt = |request: Q| async {
            let remaining = ctx.remaining();
            if remaining.is_zero() {
                return Err(deadline_exceeded());
            }
            let mut request = self.stream(ctx, request);
            request.set_timeout(remaining);
            match tokio::time::timeout(remaining, call(request)).await {
                Ok(Ok(reply)) => Ok(reply.into_inner()),
                Ok(Err(status)) => Err(from_status(status)),
                Err(_) => Err(deadline_exceeded()),
            }
        };
        match attempt(request.clone()).await {
            Err(error) if idempotent && error.code == Code::Unavailable => {
                tokio::time::sleep(RETRY_PAUSE).await;
                attempt(request).await
            }
            outcome => outcome,
        }
    }

    /// A request with everything that travels beside it.
    pub(crate) fn stream<Q>(&self, ctx: &Context, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        put(metadata, "authorization", &format!("Bearer {}", self.secret.0));
        put(metadata, "anser-request-id", &ctx.request_id);
        match ctx.actor {
            Actor::Anonymous => put(metadata, "anser-actor", "anonymous"),
            Actor::Service => put(metadata, "anser-actor", "service"),
            Actor::User(user, session) => {
                put(metadata, "anser-actor", &user.to_string());
                put(metadata, "anser-session", &session.to_string());
            }
        }
        if let Some(ip) = ctx.client_ip {
            put(metadata, "anser-client-ip", &ip.to_string());
        }
        if let Some(traceparent) = &ctx.traceparent {
            put(metadata, "traceparent", traceparent);
        }
        request
    }
}

fn put(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = MetadataValue::try_from(value) {
        metadata.insert(key, value);
    }
}

/// Checks the caller's secret and rebuilds the circumstances of its call.
pub(crate) fn accept<T>(request: &Request<T>, secret: &PeerSecret) -> Result<Context, Status> {
    let text = |key: &str| request.metadata().get(key).and_then(|value| value.to_str().ok());
    let shown = text("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if !secret.matches(shown) {
        return Err(Status::unauthenticated("the peer secret does not match"));
    }
    let actor = match text("anser-actor") {
        Some("service") => Actor::Service,
        None | Some("anonymous") => Actor::Anonymous,
        Some(user) => {
            let user: UserId = user.parse().map_err(to_status)?;
            let session: SessionId = text("anser-session").unwrap_or_default().parse().map_err(to_status)?;
            Actor::User(user, session)
        }
    };
    let mut ctx = Context::new(actor, text("anser-request-id").unwrap_or_default());
    if let Some(timeout) = text("grpc-timeout").and_then(parse_timeout) {
        ctx.deadline = tokio::time::Instant::now() + timeout;
    }
    ctx.client_ip = text("anser-client-ip").and_then(|ip| ip.parse().ok());
    ctx.traceparent = text("traceparent").map(str::to_owned);
    Ok(ctx)
}

/// Runs a call until its deadline.
pub(crate) async fn serve<T>(ctx: &Context, call: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout_at(ctx.deadline, call).await.unwrap_or_else(|_| Err(deadline_exceeded()))
}

/// `grpc-timeout`: up to eight digits and a unit
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

fn deadline_exceeded() -> Error {
    Error::new(Code::DeadlineExceeded, "the request's time ran out")
}

/// Our error as a gRPC status; the whole of it travels in the details.
pub(crate) fn to_status(error: Error) -> Status {
    let details = Problem::from(&error).encode_to_vec();
    Status::with_details(tonic::Code::from_i32(error.code.grpc_status()), error.detail.into_owned(), details.into())
}

/// A gRPC status as our error. A status without our details comes from the transport.
pub(crate) fn from_status(status: Status) -> Error {
    if let Ok(problem) = Problem::decode(status.details())
        && !problem.code.is_empty()
    {
        return problem.into();
    }
    match status.code() {
        tonic::Code::DeadlineExceeded => deadline_exceeded(),
        tonic::Code::Unauthenticated => Error::internal("the peer refused our secret"),
        tonic::Code::Unimplemented => Error::new(Code::Unsupported, "the peer does not serve this"),
        _ => Error::unavailable("a part of the service cannot be reached"),
    }
}

/// Messages as tonic wants to send them.
pub type StatusStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(crate) fn outgoing<T: Send + 'static>(stream: Streaming<T>) -> StatusStream<T> {
    Box::pin(stream.map(|item| item.map_err(to_status)))
}

pub(crate) fn incoming<T: Send + 'static>(stream: tonic::Streaming<T>) -> Streaming<T> {
    Box::pin(stream.map(|item| item.map_err(from_status)))
}

/// A caller's stream ends at its first error: there is nobody on the wire to tell.
pub(crate) fn flatten<T: Send + 'static>(stream: Streaming<T>) -> impl Stream<Item = T> + Send + 'static {
    stream.take_while(|item| std::future::ready(item.is_ok())).filter_map(|item| std::future::ready(item.ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_have_eight_digits_and_a_unit() {
        let known = [
            ("1H", 3_600_000),
            ("2M", 120_000),
            ("3S", 3_000),
            ("250m", 250),
            ("7000u", 7),
            ("99999999S", 99_999_999_000),
        ];
        for (text, milliseconds) in known {
            assert_eq!(parse_timeout(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in ["", "S", "5", "5 S", "-5S", "5s", "5é", "999999999S", "18446744073709551615H"] {
            assert_eq!(parse_timeout(wrong), None, "{wrong}");
        }
    }
}
