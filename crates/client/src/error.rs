//! What can go wrong for a client: the server refused, or the way to it failed.

use anser_types::Code;

use crate::v1::Problem;

/// What every call of this crate answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The server answered, and said no. [`Error::code`] says why.
    #[error("{}: {}", .0.code, .0.detail)]
    Refused(Box<Problem>),
    /// The server could not be reached, or the connection broke. Whether the call had an effect is unknown.
    #[error("cannot reach the server: {0}")]
    Transport(String),
    /// The server answered something that this client does not understand.
    #[error("not understood: {0}")]
    Protocol(String),
    /// The WebSocket was closed.
    #[error("{0}")]
    Closed(Closed),
    /// No answer came in time. Whether the call had an effect is unknown.
    #[error("no answer in time")]
    Timeout,
}

/// How a WebSocket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code, if there was a close frame.
    pub code: Option<u16>,
    /// What the other side said about it.
    pub reason: String,
}

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "the connection was closed ({code} {})", self.reason),
            None => write!(f, "the connection broke ({})", self.reason),
        }
    }
}

impl Error {
    /// The stable code, where the server refused with one that is known here.
    pub fn code(&self) -> Option<Code> {
        self.problem().and_then(|problem| Code::parse(&problem.code))
    }

    /// The server's own words, where it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Error::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Error::Refused(problem) => problem.retryable,
            Error::Transport(_) | Error::Closed(_) | Error::Timeout => true,
            Error::Protocol(_) => false,
        }
    }

    /// When the server advised to come back, in milliseconds from then.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.problem().and_then(|problem| problem.retry_after_ms)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Refused(Box::new(problem))
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Error::Timeout;
        }
        // The outermost text of reqwest says little; the innermost one says what happened.
        let mut source: &dyn std::error::Error = &error;
        while let Some(inner) = source.source() {
            source = inner;
        }
        Error::Transport(source.to_string())
    }
}

impl From<tokio_tungstenite::tungstenite::Error> for Error {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        use tokio_tungstenite::tungstenite::Error as Ws;
        match error {
            Ws::Http(response) => {
                let body = response.body().as_deref().unwrap_or_default();
                crate::http::refusal(response.status().as_u16(), body)
            }
            Ws::ConnectionClosed | Ws::AlreadyClosed => {
                Error::Closed(Closed { code: None, reason: "closed before".into() })
            }
            other => Error::Transport(other.to_string()),
        }
    }
}
