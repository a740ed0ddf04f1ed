//! HTTP calls, recorded.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::history::{Recorder, What};

/// An answer: its status, 0 where none came, and its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, null where there is none.
    pub body: Value,
}

impl Answer {
    /// Whether it did what it should.
    pub fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether nobody knows whether it did something: no answer, or a retryable error.
    pub fn unknown(&self) -> bool {
        self.status == 0 || self.body.get("retryable").and_then(Value::as_bool).unwrap_or(self.status >= 500)
    }

    /// When to come back, if the answer says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.body.get("retry_after_ms").and_then(Value::as_u64).map(Duration::from_millis)
    }

    /// A text field of the body.
    pub fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A client of one server.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    base: String,
    recorder: Arc<Recorder>,
}

impl Http {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str, recorder: Arc<Recorder>) -> Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(15))
            .no_proxy()
            .build()
            .context("build an HTTP client")?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), recorder })
    }

    /// The address of the WebSocket: host and port, without a scheme.
    pub fn authority(&self) -> &str {
        self.base.split_once("://").map_or(&*self.base, |(_, rest)| rest)
    }

    /// Calls as `user`, and records question and answer.
    pub async fn call(&self, user: &str, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let calling = self.unrecorded(token, method, path, &body);
        self.recorded(user, method, path, body.clone(), calling).await
    }

    /// Records a call of `user`, of which `shown` is to be known, and its answer.
    pub async fn recorded(
        &self,
        user: &str,
        method: &str,
        path: &str,
        shown: Value,
        calling: impl Future<Output = Answer>,
    ) -> Answer {
        let (call, user) = (self.recorder.number(), user.to_owned());
        self.recorder.note(What::Call { call, user, method: method.to_owned(), path: path.to_owned(), body: shown });
        let answer = calling.await;
        self.recorder.note(What::Answer { call, status: answer.status, body: answer.body.clone() });
        answer
    }

    /// Calls without a trace: passwords and tokens do not belong in the record.
    pub async fn unrecorded(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = (!body.is_null()).then(|| ("application/json", body.to_string().into_bytes()));
        let (status, bytes) = self.exchange(token, method, path, body).await;
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// One exchange of bytes: the status, 0 where no whole answer came, and the body.
    pub async fn exchange(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> (u16, Vec<u8>) {
        let nothing = (0, Vec::new());
        let Ok(method) = reqwest::Method::from_bytes(method.as_bytes()) else { return nothing };
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some((media_type, bytes)) = body {
            request = request.header("content-type", media_type).body(bytes);
        }
        let Ok(response) = request.send().await else { return nothing };
        let status = response.status().as_u16();
        response.bytes().await.map_or(nothing, |bytes| (status, bytes.to_vec()))
    }

    /// Calls without a trace until it works: for preparations. Obeys `retry_after`.
    pub async fn insist(&self, token: &str, method: &str, path: &str, body: Value) -> Result<Value> {
        let answer = persist(|| self.unrecorded(token, method, path, &body)).await;
        ensure!(answer.good(), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }
}

/// Calls again while nobody knows whether it worked, for as long as it is worth while. Obeys `retry_after`.
pub async fn persist<F: Future<Output = Answer>>(mut call: impl FnMut() -> F) -> Answer {
    let began = Instant::now();
    loop {
        let answer = call().await;
        // Being too fast is no failure: an address may have to wait for minutes until it may register again.
        let patience = if answer.status == 429 { 600 } else { 30 };
        if !answer.unknown() || began.elapsed() > Duration::from_secs(patience) {
            return answer;
        }
        sleep(answer.retry_after().unwrap_or(Duration::from_millis(100))).await;
    }
}
