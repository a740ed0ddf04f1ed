//! What travels with every call: who asks, until when, and under which request id.

use std::{fmt, net::IpAddr, time::Duration};

use anser_types::{Error, Result, SessionId, UserId};
use tokio::time::Instant;

/// Who a call acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody: a call before login.
    Anonymous,
    /// A person, through one of their sessions.
    User(UserId, SessionId),
    /// A service of ours acting for itself.
    Service,
}

/// The circumstances of a call.
#[derive(Clone)]
pub struct Context {
    /// Who asks.
    pub actor: Actor,
    /// When the answer is no longer wanted.
    pub deadline: Instant,
    /// Names the request in logs, answers and traces.
    pub request_id: String,
    /// The client's address, where a client is behind the call.
    pub client_ip: Option<IpAddr>,
    /// The W3C trace context (`traceparent` header), if the request is traced.
    pub traceparent: Option<String>,
}

/// How long a call may take where nobody said otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl Context {
    /// A call for `actor` with the default deadline.
    pub fn new(actor: Actor, request_id: impl Into<String>) -> Self {
        Self {
            actor,
            deadline: Instant::now() + DEFAULT_TIMEOUT,
            request_id: request_id.into(),
            client_ip: None,
            traceparent: None,
        }
    }

    /// A call of one service to another for itself.
    pub fn service() -> Self {
        Self::new(Actor::Service, "service")
    }

    /// The person who asks, or `unauthenticated`.
    pub fn user(&self) -> Result<UserId> {
        match self.actor {
            Actor::User(user, _) => Ok(user),
            _ => Err(unauthenticated()),
        }
    }

    /// The session that asks, or `unauthenticated`.
    pub fn session(&self) -> Result<SessionId> {
        match self.actor {
            Actor::User(_, session) => Ok(session),
            _ => Err(unauthenticated()),
        }
    }

    /// Refuses anybody but a service of ours.
    pub fn require_service(&self) -> Result<()> {
        match self.actor {
            Actor::Service => Ok(()),
            _ => Err(Error::new(anser_types::Code::Forbidden, "for services only")),
        }
    }

    /// What is left until the deadline; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("actor", &self.actor).field("request_id", &self.request_id).finish()
    }
}

fn unauthenticated() -> Error {
    Error::new(anser_types::Code::Unauthenticated, "sign in first")
}
