//! Baidu: the token, the question, and what its numbers mean.

use std::time::Duration;

use anser_types::{Clock, Code};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{pcm, soon, sound, vendor_server::VendorServer};
use crate::{baidu::Baidu, options::BaiduOptions, provider::Provider};

const DAY_MS: i64 = 24 * 3_600_000;

async fn baidu() -> (Baidu, VendorServer, Clock) {
    let server = VendorServer::start().await;
    let options = BaiduOptions {
        token_url: format!("{}/oauth/2.0/token", server.url),
        url: format!("{}/server_api", server.url),
        dev_pid: 1_537,
        api_key: "the key".into(),
        secret_key: "s&cret".into(),
    };
    let clock = Clock::fixed(1_700_000_000_000);
    (Baidu::new(options, clock.clone()).unwrap(), server, clock)
}

fn token(text: &str) -> Value {
    json!({"access_token": text, "expires_in": 2_592_000, "scope": "public audio_voice_assistant_get"})
}

fn words(text: &str) -> Value {
    json!({"err_no": 0, "err_msg": "success.", "sn": "1", "result": [text, "something else"]})
}

fn number(number: i64) -> Value {
    json!({"err_no": number, "err_msg": "no", "sn": "1"})
}

#[tokio::test]
async fn it_is_asked_as_its_documents_say() {
    let (baidu, server, _) = baidu().await;
    server.answer(200, token("24.first"));
    server.answer(200, words("你好"));
    assert_eq!(baidu.recognize(&sound(), soon()).await.as_deref(), Ok("你好"));
    let asked = server.asked();
    let query = "grant_type=client_credentials&client_id=the%20key&client_secret=s%26cret";
    assert_eq!(asked[0].line, format!("POST /oauth/2.0/token?{query} HTTP/1.1"));
    assert_eq!(asked[1].line, "POST /server_api HTTP/1.1");
    assert_eq!(asked[1].header("content-type"), "application/json");
    let mut question: Value = serde_json::from_slice(&asked[1].body).unwrap();
    let speech = STANDARD.decode(question["speech"].take().as_str().unwrap()).unwrap();
    assert_eq!(speech, pcm());
    let expected = json!({
        "format": "pcm", "rate": 16_000, "channel": 1, "cuid": "anser", "token": "24.first", "dev_pid": 1_537,
        "speech": null, "len": 32_000,
    });
    assert_eq!(question, expected);
}

#[tokio::test]
async fn a_token_is_used_again_and_renewed_before_its_end_or_when_it_is_refused() {
    let (baidu, server, clock) = baidu().await;
    server.answer(200, token("24.first"));
    server.answer(200, words("one"));
    server.answer(200, words("two"));
    for text in ["one", "two"] {
        assert_eq!(baidu.recognize(&sound(), soon()).await.as_deref(), Ok(text));
    }
    assert_eq!(server.asked().len(), 3, "one token for both");
    clock.advance(30 * DAY_MS);
    server.answer(200, token("24.second"));
    server.answer(200, words("three"));
    assert_eq!(baidu.recognize(&sound(), soon()).await.as_deref(), Ok("three"));
    server.asked();
    // Taken back before its time.
    server.answer(200, number(3_302));
    server.answer(200, token("24.third"));
    server.answer(200, words("four"));
    assert_eq!(baidu.recognize(&sound(), soon()).await.as_deref(), Ok("four"));
    let asked = server.asked();
    assert!(String::from_utf8_lossy(&asked[2].body).contains("24.third"));
    // One that is refused when it is new is not asked for again and again.
    server.answer(200, number(3_302));
    server.answer(200, token("24.fourth"));
    server.answer(200, number(3_302));
    assert_eq!(baidu.recognize(&sound(), soon()).await.unwrap_err().code, Code::Internal);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn its_errors_become_ours() {
    let (baidu, server, _) = baidu().await;
    server.answer(401, json!({"error": "invalid_client", "error_description": "unknown client id"}));
    assert_eq!(baidu.recognize(&sound(), soon()).await.unwrap_err().code, Code::Internal);
    server.answer(503, "");
    assert_eq!(baidu.recognize(&sound(), soon()).await.unwrap_err().code, Code::Unavailable);
    server.answer(200, token("24.first"));
    for (answer, code) in [
        (3_300, Code::InvalidArgument),
        (3_301, Code::InvalidArgument),
        (3_303, Code::Unavailable),
        (3_304, Code::Unavailable),
        (3_305, Code::Unavailable),
        (3_308, Code::TooLarge),
        (3_310, Code::TooLarge),
        (3_312, Code::InvalidArgument),
        (9_999, Code::Unavailable),
    ] {
        server.answer(200, number(answer));
        let error = baidu.recognize(&sound(), soon()).await.unwrap_err();
        assert_eq!(error.code, code, "{answer}");
        assert!(!error.detail.contains("24.") && !error.detail.contains("s&cret"));
    }
    server.answer(502, "<html>");
    server.answer(200, "<html>");
    for _ in 0..2 {
        assert_eq!(baidu.recognize(&sound(), soon()).await.unwrap_err().code, Code::Unavailable);
    }
    // Now it says nothing.
    let deadline = Instant::now() + Duration::from_millis(50);
    assert_eq!(baidu.recognize(&sound(), deadline).await.unwrap_err().code, Code::DeadlineExceeded);
}
