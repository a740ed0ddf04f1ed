//! Errors as clients of the HTTP API see them: RFC 9457 problem documents, made here and nowhere else.
//!
//! A handler answers a [`Refusal`]; the outermost layer ([`crate::http::around`]) turns it into the document, because
//! only that layer knows the request's id. Over WebSocket the same errors travel in `Reply`, which is not made here.

use anser_types::{Code, Error};
use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An [`Error`] on its way out of a handler.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What went wrong.
    pub error: Error,
    status: StatusCode,
}

/// What a handler answers.
pub type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The same refusal under another HTTP status than the code's own; `code` stays what clients decide by.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { error, status }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The document (RFC 9457, section 3). `type` is relative to the server and leads to the code's explanation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// Where the code is explained.
    pub r#type: String,
    /// The code in words, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What clients decide by.
    pub code: &'static str,
    /// What happened this time, for people.
    pub detail: String,
    /// Names the request in the server's log.
    pub request_id: String,
    /// Whether the same call may succeed later. It says nothing about whether this one had an effect.
    pub retryable: bool,
    /// When a retry makes sense, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ProblemField>,
}

/// One field that is not as it must be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemField {
    /// The field's name, dotted where it is nested.
    pub field: String,
    /// What is wrong with it, for people.
    pub detail: String,
}

/// The finished answer to the request named `request_id`.
pub fn render(refusal: &Refusal, request_id: &str) -> Response {
    let error = &refusal.error;
    let document = ProblemDocument {
        r#type: reference(error.code),
        title: title(error.code),
        status: refusal.status.as_u16(),
        code: error.code.as_str(),
        detail: error.detail.clone().into_owned(),
        request_id: request_id.to_owned(),
        retryable: error.retryable(),
        retry_after_ms: error.retry_after_ms,
        fields: error
            .fields
            .iter()
            .map(|field| ProblemField { field: field.field.clone(), detail: field.detail.clone() })
            .collect(),
    };
    let body = serde_json::to_vec(&document).expect("a problem document holds only text and numbers");
    let mut response = (refusal.status, [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
    if refusal.status == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 15.5.2: the answer names the scheme.
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after_seconds(error) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A code in words.
pub fn title(code: Code) -> String {
    let mut words = code.as_str().replace('_', " ");
    words[..1].make_ascii_uppercase();
    words
}

/// Where a code is explained, relative to the server.
pub fn reference(code: Code) -> String {
    format!("/docs/errors#{code}")
}

/// Clients that know HTTP and not us look for the header `Retry-After`: every 429, 503 and 507 has it.
pub fn advises_when(status: u16) -> bool {
    matches!(status, 429 | 503 | 507)
}

/// Whole seconds, rounded up, so that nobody comes back early.
fn retry_after_seconds(error: &Error) -> Option<u64> {
    advises_when(error.code.http_status()).then(|| error.retry_after_ms.unwrap_or(1_000).div_ceil(1_000).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after(error: Error) -> Option<String> {
        let response = render(&error.into(), "r");
        response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn retry_after_is_whole_seconds_rounded_up() {
        assert_eq!(retry_after(Error::rate_limited(1)).as_deref(), Some("1"));
        assert_eq!(retry_after(Error::rate_limited(1_001)).as_deref(), Some("2"));
        assert_eq!(retry_after(Error::new(Code::StorageFull, "full")).as_deref(), Some("1"));
        assert_eq!(retry_after(Error::not_found("user")), None);
    }

    #[test]
    fn every_code_renders_under_its_own_status() {
        for &code in Code::ALL {
            let response = render(&Error::new(code, "x").into(), "r");
            assert_eq!(response.status().as_u16(), code.http_status());
            assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        }
    }

    #[test]
    fn titles_are_words() {
        assert_eq!(title(Code::InvalidArgument), "Invalid argument");
    }
}
