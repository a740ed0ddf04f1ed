//! Speech put into words by a program beside the server. What a real engine hears is another test's: tests/speech/run.py.

use anser_tests::{Person, TestApp};
use serde_json::Value;

/// Says how large the file is that it was given.
const ENGINE: &str = r#"speech.command=/bin/sh,-c,printf 'heard %s' "$(wc -c < "$1" | tr -d ' ')",engine,{file}"#;

async fn recognize(app: &TestApp, person: Option<&Person>, media_type: &str, audio: Vec<u8>) -> (u16, String) {
    let mut request = reqwest::Client::new().post(format!("{}/v1/speech:recognize", app.url()));
    if let Some(tokens) = person.and_then(|person| person.client.tokens()) {
        request = request.bearer_auth(tokens.access_token);
    }
    let answer = request.header("content-type", media_type).body(audio).send().await.unwrap();
    let (status, body) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
    let word = body["text"].as_str().or(body["code"].as_str()).unwrap();
    (status, word.to_owned())
}

#[tokio::test]
async fn a_recording_goes_to_the_program_and_its_words_come_back() {
    let Some(app) = TestApp::start_with(&["speech.provider=command", ENGINE, "speech.recording_s=2"]).await else {
        return;
    };
    let alice = app.person("alice").await;
    let second = recognize(&app, Some(&alice), "application/octet-stream", vec![0; 32_000]).await;
    assert_eq!(second, (200, "heard 32044".into()));
    let refused = [
        (None, "application/octet-stream", vec![0; 32_000], (401, "unauthenticated")),
        (Some(&alice), "application/octet-stream", vec![0; 66_000], (413, "too_large")),
        (Some(&alice), "application/octet-stream", vec![0; 11 << 20], (413, "too_large")),
        (Some(&alice), "application/octet-stream", vec![0; 31], (400, "invalid_argument")),
        (Some(&alice), "image/png", vec![0; 32], (415, "unsupported")),
        (Some(&alice), "audio/ogg", b"OggS and more".to_vec(), (415, "unsupported")),
    ];
    for (person, media_type, audio, (status, code)) in refused {
        let length = audio.len();
        assert_eq!(recognize(&app, person, media_type, audio).await, (status, code.into()), "{media_type} {length}");
    }
    let left = std::fs::read_dir(app.store_dir().join("speech")).unwrap().count();
    assert_eq!(left, 0, "no recording is left");
}

#[tokio::test]
async fn where_nobody_is_configured_it_says_so() {
    let (app, alice) = TestApp::with_person("alice").await;
    assert_eq!(recognize(&app, Some(&alice), "audio/wav", vec![0; 64]).await, (415, "unsupported".into()));
}
