//! Any service with OpenAI's interface: `POST …/v1/audio/transcriptions`, a multipart form with the recording and the
//! model's name, answered by `{"text": …}`.

use anser_types::{Code, Error, Result};
use http::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    audio::{Format, Sound},
    options::OpenAiOptions,
    provider::Provider,
    vendor::{Answer, Vendor, busy, not_understood, refused, unreadable},
};

/// Stands between the form's parts. A recording that holds it, with two dashes before it on a line of its own, is one that
/// somebody made for that: it could only spoil its own form.
const BOUNDARY: &str = "anser-7f3c1f0a9be24d5c8a61";

/// The provider.
pub struct OpenAi {
    vendor: Vendor,
    options: OpenAiOptions,
}

#[derive(Deserialize)]
struct Words {
    text: String,
}

impl OpenAi {
    /// The provider at this address.
    pub fn new(options: OpenAiOptions) -> Result<Self> {
        Ok(Self { vendor: Vendor::new()?, options })
    }

    fn form(&self, sound: &Sound) -> Vec<u8> {
        let (bytes, extension, media_type) = sound.in_container();
        let mut fields = vec![("model", self.options.model.as_str()), ("response_format", "json")];
        if !self.options.language.is_empty() {
            fields.push(("language", &self.options.language));
        }
        let mut form = Vec::with_capacity(bytes.len() + 1_024);
        for (name, value) in fields {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            form.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"voice.{extension}\"\r\n\
             Content-Type: {media_type}\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(&bytes);
        form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        form
    }
}

#[async_trait::async_trait]
impl Provider for OpenAi {
    fn takes(&self, format: Format) -> bool {
        !matches!(format, Format::Amr | Format::AmrWb)
    }

    async fn recognize(&self, sound: &Sound, deadline: Instant) -> Result<String> {
        let mut headers = vec![(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))];
        if !self.options.key.is_empty() {
            headers.push((AUTHORIZATION, format!("Bearer {}", self.options.key)));
        }
        let answer = self.vendor.post(&self.options.url, headers, self.form(sound), deadline).await?;
        if answer.status == StatusCode::OK {
            let words: Words = serde_json::from_slice(&answer.body).map_err(|_| not_understood())?;
            return Ok(words.text);
        }
        Err(meaning(&answer))
    }
}

/// The service's statuses in our words.
fn meaning(answer: &Answer) -> Error {
    match answer.status.as_u16() {
        400 | 422 => unreadable(),
        401 | 403 => refused(),
        413 => Error::new(Code::TooLarge, "this recording is too long for the recognition service"),
        415 => Error::new(Code::Unsupported, "the recognition service does not take such recordings"),
        429 => {
            let seconds = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            busy(seconds.unwrap_or(2).clamp(1, 3_600) * 1_000)
        }
        500.. => busy(2_000),
        _ => not_understood(),
    }
}
