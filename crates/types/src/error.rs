//! The one table of error codes, and the error that carries them.
//!
//! Every error that leaves a service is an [`Error`] with a [`Code`] of this closed set. The table below is the only
//! place that says how a code looks in text, over HTTP and over gRPC, and whether a retry can help.

use std::{borrow::Cow, fmt};

/// What every fallible call of a service answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($(#[doc = $meaning:literal] $name:ident = $text:literal, $http:literal, $grpc:literal, $retryable:literal;)*) => {
        /// A stable error code. Clients decide by it and by nothing else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as clients see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub fn http_status(self) -> u16 {
                match self { $(Code::$name => $http,)* }
            }

            /// The gRPC status number that goes with it
            /// (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
            pub fn grpc_status(self) -> i32 {
                match self { $(Code::$name => $grpc,)* }
            }

            /// Whether the same call may succeed later. It says nothing about whether the call had an effect.
            pub fn retryable(self) -> bool {
                match self { $(Code::$name => $retryable,)* }
            }

            /// What the code means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning.trim_ascii(),)* }
            }

            /// The code spelled `text`, if there is one.
            pub fn parse(text: &str) -> Option<Code> {
                match text { $($text => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// The request is malformed or breaks a rule of shape; `fields` says where.
    InvalidArgument = "invalid_argument", 400, 3, false;
    /// No valid credentials, or the session has ended.
    Unauthenticated = "unauthenticated", 401, 16, false;
    /// The caller is known and may not do this.
    Forbidden = "forbidden", 403, 7, false;
    /// The caller may not speak here for now.
    Muted = "muted", 403, 7, false;
    /// The two people may not talk: strangers, no longer friends and blocked alike.
    NotAllowed = "not_allowed", 403, 7, false;
    /// There is no such thing, or the caller may not know that there is.
    NotFound = "not_found", 404, 5, false;
    /// The name or thing is taken.
    AlreadyExists = "already_exists", 409, 6, false;
    /// The same idempotency key came with another payload.
    IdempotencyConflict = "idempotency_conflict", 409, 10, false;
    /// The group was dismissed.
    ConversationClosed = "conversation_closed", 409, 9, false;
    /// A configured limit is reached.
    LimitExceeded = "limit_exceeded", 409, 9, false;
    /// It existed and no longer does.
    Gone = "gone", 410, 5, false;
    /// The client's position is too old or foreign: it must sync from the log.
    SyncRequired = "sync_required", 410, 11, false;
    /// The body or frame is larger than allowed.
    TooLarge = "too_large", 413, 3, false;
    /// The operation or media type is not known.
    Unsupported = "unsupported", 415, 12, false;
    /// Too much, too fast; `retry_after_ms` says when to come back.
    RateLimited = "rate_limited", 429, 8, true;
    /// A fault of the server. The log has the cause under the request id.
    Internal = "internal", 500, 13, false;
    /// A part that is needed is away or busy.
    Unavailable = "unavailable", 503, 14, true;
    /// Files cannot be stored or read at the moment.
    FileStoreUnavailable = "file_store_unavailable", 503, 14, true;
    /// The request's time ran out. Whether it had an effect is unknown.
    DeadlineExceeded = "deadline_exceeded", 504, 4, true;
    /// The disk is nearly full: nothing that grows is taken for now.
    StorageFull = "storage_full", 507, 8, true;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field of a request that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name, dotted where it is nested.
    pub field: String,
    /// What is wrong with it, for people.
    pub detail: String,
}

/// An error as it leaves a service. `detail` is for people and holds no secrets, bodies or addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of error it is.
    pub code: Code,
    /// What happened, for people.
    pub detail: Cow<'static, str>,
    /// When a retry makes sense, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// The fields that are wrong, for `invalid_argument`.
    pub fields: Vec<FieldError>,
}

impl Error {
    /// An error of `code` that says `detail`.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), retry_after_ms: None, fields: Vec::new() }
    }

    /// A request whose shape is wrong as a whole.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, detail)
    }

    /// A request with one field that is wrong.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, detail) = (field.into(), detail.into());
        let mut error = Self::new(Code::InvalidArgument, format!("{field}: {detail}"));
        error.fields.push(FieldError { field, detail });
        error
    }

    /// `what` does not exist, or the caller may not know that it does.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// Too much, too fast; come back after `retry_after_ms`.
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        Self::new(Code::RateLimited, "too many requests").retry_after(retry_after_ms)
    }

    /// A needed part is away; a retry in a while may succeed.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unavailable, detail).retry_after(500)
    }

    /// A fault of our own.
    pub fn internal(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Internal, detail)
    }

    /// The same error with advice when to retry.
    pub fn retry_after(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.code.retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_spelled_once_and_parses_back() {
        for &code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
    }
}
