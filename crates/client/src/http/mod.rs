//! The HTTP API: one method for each operation, in a file for each resource.
//!
//! [`Client`] holds the tokens of one session. [`Client::call`] makes any call, also wrong ones, and gives the bare
//! answer; everything else stands on it.

mod changes;
mod conversations;
mod groups;
mod messages;
mod people;
mod search;
mod sessions;
mod sync;
mod views;

use std::{sync::Arc, time::Duration};

use anser_types::Clock;
use parking_lot::Mutex;
use reqwest::{Method, header::HeaderMap};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Error, Result,
    v1::{Problem, TokenReply},
};

pub use groups::Joined;
pub use messages::{Range, custom_message, text_message};
pub use search::Narrowed;
pub use sessions::LoginDevice;
pub use views::{ConversationView, InvitationView, MemberView};

const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of the HTTP API, for one person on one device. Clones share the tokens.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    base: String,
    http: reqwest::Client,
    tokens: Mutex<Option<TokenReply>>,
    auto_refresh: bool,
    /// Two calls that find the token expired must not both use the refresh token.
    refreshing: tokio::sync::Mutex<()>,
    clock: Clock,
}

/// A bare answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: bytes::Bytes,
}

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct Page<T> {
    /// The items.
    #[serde(default = "Vec::new")]
    pub items: Vec<T>,
    /// Where the next page begins; empty on the last one.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub next_cursor: String,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Client {
    /// A client of the server at `base`, for example `http://127.0.0.1:8080`. Nothing is sent yet.
    pub fn new(base: &str) -> Result<Self> {
        Self::with(base, false)
    }

    /// The same; when a call finds the access token expired, it refreshes and tries once more.
    pub fn refreshing(base: &str) -> Result<Self> {
        Self::with(base, true)
    }

    fn with(base: &str, auto_refresh: bool) -> Result<Self> {
        if !base.starts_with("http://") {
            return Err(Error::Protocol(format!("{base:?} is not an http:// address")));
        }
        let http = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Self {
            shared: Arc::new(Shared {
                base: base.trim_end_matches('/').to_owned(),
                http,
                tokens: Mutex::new(None),
                auto_refresh,
                refreshing: tokio::sync::Mutex::new(()),
                clock: Clock::system(),
            }),
        })
    }

    /// A client of the same server that shares the connections and knows no session.
    pub fn fresh(&self) -> Self {
        Self {
            shared: Arc::new(Shared {
                base: self.shared.base.clone(),
                http: self.shared.http.clone(),
                tokens: Mutex::new(None),
                auto_refresh: self.shared.auto_refresh,
                refreshing: tokio::sync::Mutex::new(()),
                clock: self.shared.clock.clone(),
            }),
        }
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.shared.base
    }

    /// The tokens of the session, after a login.
    pub fn tokens(&self) -> Option<TokenReply> {
        self.shared.tokens.lock().clone()
    }

    /// Uses these tokens from now on.
    pub fn set_tokens(&self, tokens: Option<TokenReply>) {
        *self.shared.tokens.lock() = tokens;
    }

    /// The clock that this client makes ids with.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Makes one call and gives the bare answer, whatever it says. The access token goes with it if there is one.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut request = self.shared.http.request(method, format!("{}{path}", self.shared.base));
        let token = self.shared.tokens.lock().as_ref().map(|tokens| tokens.access_token.clone());
        if let Some(token) =
            token.filter(|_| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")))
        {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await? })
    }

    /// `GET path`, where `query` is appended as it stands, values encoded.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let mut path = path.to_owned();
        for (index, (name, value)) in query.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            path.push_str(&escape(value));
        }
        self.json(Method::GET, &path, None, None).await
    }

    /// `POST path` with a JSON body.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T> {
        self.json(Method::POST, path, Some(&body), None).await
    }

    /// `POST path` under an `Idempotency-Key`.
    pub async fn post_once<T: DeserializeOwned>(&self, path: &str, body: Value, key: &str) -> Result<T> {
        self.json(Method::POST, path, Some(&body), Some(key)).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T> {
        self.json(Method::PUT, path, Some(&body), None).await
    }

    /// `PATCH path` with a JSON body.
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T> {
        self.json(Method::PATCH, path, Some(&body), None).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Result<()> {
        self.json::<Value>(Method::DELETE, path, None, None).await.map(drop)
    }

    /// `DELETE path` with an answer.
    pub async fn delete_with_answer<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(Method::DELETE, path, None, None).await
    }

    /// Any call with a JSON answer; an empty answer counts as `null` or, where that does not do, as `{}`.
    pub async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<T> {
        let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let used = self.tokens().map(|tokens| tokens.access_token);
        let mut answer = self.call(method.clone(), path, body, &headers).await?;
        if answer.status == 401 && self.shared.auto_refresh && used.is_some() && !path.starts_with("/v1/sessions:") {
            self.refresh_unless_done(used).await?;
            answer = self.call(method, path, body, &headers).await?;
        }
        answer.parse()
    }

    async fn refresh_unless_done(&self, used: Option<String>) -> Result<()> {
        let _one_at_a_time = self.shared.refreshing.lock().await;
        if self.tokens().map(|tokens| tokens.access_token) == used {
            self.refresh().await?;
        }
        Ok(())
    }
}

impl Answer {
    /// The body as JSON.
    pub fn value(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Protocol(error.to_string()))
    }

    /// The answer as a `T`, or the refusal that it is.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        if !(200..300).contains(&self.status) {
            return Err(refusal(self.status, &self.body));
        }
        let parsed = if self.body.is_empty() {
            serde_json::from_str("null").or_else(|_| serde_json::from_str("{}"))
        } else {
            serde_json::from_slice(&self.body)
        };
        parsed.map_err(|error| Error::Protocol(format!("status {}: {error}", self.status)))
    }

    /// The refusal that this answer is.
    pub fn problem(&self) -> Option<Problem> {
        match refusal(self.status, &self.body) {
            Error::Refused(problem) if !(200..300).contains(&self.status) => Some(*problem),
            _ => None,
        }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The error in an answer that is not a success.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Error {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if !problem.code.is_empty() => problem.into(),
        _ => Error::Protocol(format!("status {status} without a problem document")),
    }
}

/// The parameters that every list takes; a limit of 0 leaves it to the server.
fn page_query(limit: u32, cursor: &str) -> Vec<(&'static str, String)> {
    let limit = (limit > 0).then(|| ("limit", limit.to_string()));
    let cursor = (!cursor.is_empty()).then(|| ("cursor", cursor.to_owned()));
    limit.into_iter().chain(cursor).collect()
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escape("a b&ü"), "a%20b%26%C3%BC");
    }

    #[test]
    fn a_refusal_is_read_from_its_document() {
        let body = br#"{"type":"/x","title":"Not found","status":404,"code":"not_found","detail":"d","request_id":"r","retryable":false}"#;
        assert_eq!(refusal(404, body).code(), Some(anser_types::Code::NotFound));
        assert!(matches!(refusal(502, b"<html>"), Error::Protocol(_)));
    }

    #[test]
    fn the_last_page_may_say_null() {
        let page: Page<u32> = serde_json::from_str(r#"{"items":[1],"next_cursor":null}"#).unwrap();
        assert_eq!((page.items, page.next_cursor), (vec![1], String::new()));
    }
}
