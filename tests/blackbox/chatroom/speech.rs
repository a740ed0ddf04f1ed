//! Voice to text. What a real engine hears is another test's: tests/speech/run.py.

use super::{
    client::field,
    town::{Old, RECOGNIZE, TOO_OFTEN, Town},
};

/// Says how large the file is that it was given.
const ENGINE: &str = r#"speech.command=/bin/sh,-c,printf 'heard %s' "$(wc -c < "$1" | tr -d ' ')",engine,{file}"#;

async fn recognizes(who: &Old, samples: usize) -> Result<String, String> {
    let answered = who.asks(RECOGNIZE, &[field(2, vec![0; samples])]).await;
    if answered.errmsg().is_empty() { Ok(answered.text(4)) } else { Err(answered.errmsg()) }
}

#[tokio::test]
async fn a_recording_becomes_words() {
    let limits = ["speech.recording_s=2", "limits.speech_per_second=1", "limits.speech_burst=6"];
    let settings = [&["speech.provider=command", ENGINE], &limits[..]].concat();
    let Some(town) = Town::start_with(&settings).await else { return };
    let alice = town.person("alice").await;
    assert_eq!(recognizes(&alice, 32_000).await.as_deref(), Ok("heard 32044"), "a second of it, as a WAV");
    for samples in [0, 31, 66_000, 11 << 20] {
        let refused = recognizes(&alice, samples).await.unwrap_err();
        let why = refused.strip_prefix("语音识别失败:").unwrap_or_else(|| panic!("{refused}"));
        assert!(!why.is_empty(), "{samples}");
    }
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(recognizes(&alice, 32).await);
    }
    assert!(answers.contains(&Err(TOO_OFTEN.into())), "{answers:?}");
}

#[tokio::test]
async fn where_nobody_listens_it_says_so() {
    let Some(town) = Town::start().await else { return };
    let alice = town.person("alice").await;
    let said = recognizes(&alice, 32_000).await;
    assert_eq!(said, Err("语音识别失败:this server does not put speech into words".into()));
}
