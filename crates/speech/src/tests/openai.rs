//! A service with OpenAI's interface: the form, the key, and what its statuses mean.

use std::time::Duration;

use anser_types::Code;
use serde_json::json;
use tokio::time::Instant;

use super::{pcm, soon, sound, vendor_server::VendorServer};
use crate::{
    audio::{Format, Sound},
    openai::OpenAi,
    options::OpenAiOptions,
    provider::Provider,
    wav,
};

async fn openai(language: &str, key: &str) -> (OpenAi, VendorServer) {
    let server = VendorServer::start().await;
    let url = format!("{}/v1/audio/transcriptions", server.url);
    let options = OpenAiOptions { url, model: "whisper-1".into(), language: language.into(), key: key.into() };
    (OpenAi::new(options).unwrap(), server)
}

/// The parts of a form: what stands above each, and what it holds.
fn parts(body: &[u8], content_type: &str) -> Vec<(String, Vec<u8>)> {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let line = format!("--{boundary}");
    let mut places = Vec::new();
    for place in 0..body.len() {
        if body[place..].starts_with(line.as_bytes()) {
            places.push(place);
        }
    }
    assert!(body.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
    let parts = places.windows(2).map(|ends| {
        let part = &body[ends[0] + line.len() + 2..ends[1] - 2];
        let blank = part.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (String::from_utf8(part[..blank].to_vec()).unwrap(), part[blank + 4..].to_vec())
    });
    parts.collect()
}

#[tokio::test]
async fn it_is_asked_as_its_documents_say() {
    let (openai, server) = openai("en", "sk-test").await;
    server.answer(200, json!({"text": "Good morning."}));
    assert_eq!(openai.recognize(&sound(), soon()).await.as_deref(), Ok("Good morning."));
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /v1/audio/transcriptions HTTP/1.1");
    assert_eq!(asked.header("authorization"), "Bearer sk-test");
    let parts = parts(&asked.body, asked.header("content-type"));
    let field = |name: &str, value: &str| {
        (format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes().to_vec())
    };
    assert_eq!(parts[..3], [field("model", "whisper-1"), field("response_format", "json"), field("language", "en")]);
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"voice.wav\"\r\nContent-Type: audio/wav";
    assert_eq!((parts[3].0.as_str(), &parts[3].1), (head, &wav::wrap(&pcm())));
}

#[tokio::test]
async fn without_a_key_or_a_language_it_says_none_and_other_forms_go_as_they_are() {
    let (openai, server) = openai("", "").await;
    assert!(openai.takes(Format::Ogg) && !openai.takes(Format::Amr));
    server.answer(200, json!({"text": "", "language": "en"}));
    let ogg = Sound::of(b"OggS and more".to_vec(), "", 60_000).unwrap();
    assert_eq!(openai.recognize(&ogg, soon()).await.as_deref(), Ok(""));
    let asked = server.asked().remove(0);
    assert_eq!(asked.header("authorization"), "");
    let parts = parts(&asked.body, asked.header("content-type"));
    assert_eq!(parts.len(), 3);
    assert!(parts[2].0.contains("filename=\"voice.ogg\"") && parts[2].0.ends_with("audio/ogg"));
    assert_eq!(parts[2].1, b"OggS and more");
}

#[tokio::test]
async fn its_errors_become_ours() {
    let (openai, server) = openai("", "sk-test").await;
    for (status, code) in [
        (400, Code::InvalidArgument),
        (401, Code::Internal),
        (413, Code::TooLarge),
        (415, Code::Unsupported),
        (500, Code::Unavailable),
        (503, Code::Unavailable),
    ] {
        server.answer(status, json!({"error": {"message": "no", "type": "x", "code": null}}));
        let error = openai.recognize(&sound(), soon()).await.unwrap_err();
        assert_eq!(error.code, code, "{status}");
        assert!(!error.detail.contains("sk-test"));
    }
    server.answer_with(429, "Retry-After: 7", "{}");
    let error = openai.recognize(&sound(), soon()).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::Unavailable, Some(7_000)));
    server.answer(200, "not JSON");
    assert_eq!(openai.recognize(&sound(), soon()).await.unwrap_err().code, Code::Unavailable);
    server.answer(200, "x".repeat(1 << 20));
    assert_eq!(openai.recognize(&sound(), soon()).await.unwrap_err().code, Code::Unavailable);
    let deadline = Instant::now() + Duration::from_millis(50);
    assert_eq!(openai.recognize(&sound(), deadline).await.unwrap_err().code, Code::DeadlineExceeded);
}
