//! Baidu's short speech recognition: a token for the key and the secret, good for a month, and with it a JSON document with
//! the recording in base64. Recordings are at most a minute long.

use std::sync::Arc;

use anser_types::{Clock, Code, Error, Result, Timestamp};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::header::{ACCEPT, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    audio::{Format, RATE, Sound},
    options::BaiduOptions,
    provider::Provider,
    vendor::{Vendor, busy, not_understood, refused, unreadable},
};

/// A token is renewed so long before its end.
const EARLY_MS: i64 = 3_600_000;
/// Who asks, for the vendor's statistics: this server, and none of its people.
const CUID: &str = "anser";

/// The provider.
pub struct Baidu {
    vendor: Vendor,
    options: BaiduOptions,
    clock: Clock,
    /// Held while a token is got, so that all who wait get the same.
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: Arc<str>,
    until: Timestamp,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: i64,
    #[serde(default)]
    error: String,
}

#[derive(Serialize)]
struct Question<'q> {
    format: &'q str,
    rate: u32,
    channel: u32,
    cuid: &'q str,
    token: &'q str,
    dev_pid: u32,
    /// The recording in base64, and how many bytes it had before.
    speech: &'q str,
    len: usize,
}

#[derive(Deserialize)]
struct Answer {
    err_no: i64,
    /// The best first.
    #[serde(default)]
    result: Vec<String>,
}

impl Baidu {
    /// The provider with these keys.
    pub fn new(options: BaiduOptions, clock: Clock) -> Result<Self> {
        Ok(Self { vendor: Vendor::new()?, options, clock, token: Mutex::new(None) })
    }

    /// A token that is good for a while; not `spent`, which was refused.
    async fn token(&self, spent: Option<&Token>, deadline: Instant) -> Result<Token> {
        let mut known = self.token.lock().await;
        let good = |token: &&Token| {
            token.until > self.clock.now() && spent.is_none_or(|spent| !Arc::ptr_eq(&spent.text, &token.text))
        };
        if let Some(token) = known.as_ref().filter(good) {
            return Ok(token.clone());
        }
        let (key, secret) = (escaped(&self.options.api_key), escaped(&self.options.secret_key));
        let url =
            format!("{}?grant_type=client_credentials&client_id={key}&client_secret={secret}", self.options.token_url);
        let headers = vec![(CONTENT_TYPE, "application/json".into()), (ACCEPT, "application/json".into())];
        let answer = self.vendor.post(&url, headers, Vec::new(), deadline).await?;
        if answer.status.is_server_error() {
            return Err(busy(2_000));
        }
        let answer: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| not_understood())?;
        if answer.access_token.is_empty() {
            return Err(if answer.error.is_empty() { not_understood() } else { refused() });
        }
        let life_ms = answer.expires_in.saturating_mul(1_000);
        let until = self.clock.now().saturating_add(life_ms - EARLY_MS.min(life_ms / 2));
        let token = Token { text: answer.access_token.into(), until };
        *known = Some(token.clone());
        Ok(token)
    }

    async fn ask(&self, sound: &Sound, token: &Token, deadline: Instant) -> Result<Answer> {
        let question = Question {
            format: sound.format.extension(),
            rate: if sound.format == Format::Amr { 8_000 } else { RATE },
            channel: 1,
            cuid: CUID,
            token: &token.text,
            dev_pid: self.options.dev_pid,
            speech: &STANDARD.encode(&sound.bytes),
            len: sound.bytes.len(),
        };
        let body = serde_json::to_vec(&question).map_err(|_| Error::internal("a recording cannot be put into JSON"))?;
        let headers = vec![(CONTENT_TYPE, "application/json".into())];
        let answer = self.vendor.post(&self.options.url, headers, body, deadline).await?;
        if answer.status.is_server_error() {
            return Err(busy(2_000));
        }
        serde_json::from_slice(&answer.body).map_err(|_| not_understood())
    }
}

#[async_trait::async_trait]
impl Provider for Baidu {
    fn takes(&self, format: Format) -> bool {
        matches!(format, Format::Pcm | Format::Amr | Format::AmrWb | Format::M4a)
    }

    async fn recognize(&self, sound: &Sound, deadline: Instant) -> Result<String> {
        let token = self.token(None, deadline).await?;
        let mut answer = self.ask(sound, &token, deadline).await?;
        if answer.err_no == REFUSED {
            // It may have ended before its time.
            let token = self.token(Some(&token), deadline).await?;
            answer = self.ask(sound, &token, deadline).await?;
        }
        match answer.err_no {
            0 => Ok(answer.result.into_iter().next().unwrap_or_default()),
            number => Err(meaning(number)),
        }
    }
}

const REFUSED: i64 = 3302;

/// The vendor's numbers in our words.
fn meaning(number: i64) -> Error {
    match number {
        3300 | 3301 | 3309 | 3311 | 3312 | 3313 | 3314 | 3316 => unreadable(),
        3308 | 3310 => Error::new(Code::TooLarge, "this recording is too long for the recognition service"),
        REFUSED => refused(),
        3304 => busy(1_000),
        // The quota of the day.
        3305 => busy(600_000),
        _ => {
            tracing::warn!(number, "the recognition service failed");
            busy(2_000)
        }
    }
}

/// A value of a query string.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
