//! Words that are not said here: refused or masked, from a list that may change while the server runs.

use std::time::Duration;

use anser_client::v1::{Content, Text, content::Kind};
use anser_tests::{TestApp, code, texts, within};
use anser_types::{Code, MessageId};
use serde_json::json;

#[tokio::test]
async fn a_list_is_in_force_everywhere_and_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words");
    std::fs::write(&file, "gooseberry\n").unwrap();
    let setting = format!("messaging.words_file={}", file.display());
    let Some(app) = TestApp::start_with(&[&setting]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    assert_eq!(code(alice.tries_to_say(conversation, "a GOOSEBERRY pie").await), Code::Forbidden);
    let online = alice.online().await;
    let refused = online.socket.send(alice.message(conversation, "gooseberry")).await;
    assert_eq!(code(refused), Code::Forbidden);
    let seq = alice.says(conversation, "apple pie").await.seq;
    let worse: Content = Kind::Text(Text { text: "gooseberry pie".into() }).into();
    assert_eq!(code(alice.client.edit(conversation, seq, &worse).await), Code::Forbidden);
    assert_eq!(code(alice.client.create_group("gooseberry club", &[]).await), Code::Forbidden);
    let group = alice.group("pies", &[&bob]).await;
    let renamed = alice.client.change_group(group, json!({ "title": "Gooseberry" })).await;
    assert_eq!(code(renamed), Code::Forbidden);

    std::fs::write(&file, "apple\n").unwrap();
    within(Duration::from_secs(20), "the new list to be in force", async {
        while alice.tries_to_say(conversation, "gooseberry").await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    assert_eq!(code(alice.tries_to_say(conversation, "apple pie").await), Code::Forbidden);
    assert_eq!(texts(&bob.history(conversation).await), ["apple pie", "gooseberry"]);
    // What was said before stays; to say it somewhere else is to say it now.
    let key = MessageId::new(alice.client.clock());
    assert_eq!(code(alice.client.forward(conversation, &[seq], group, &[key]).await), Code::Forbidden);
    let bundle =
        json!({ "from_conversation_id": conversation, "seqs": [seq], "client_msg_ids": [key], "bundle": true });
    let path = format!("/v1/conversations/{group}/messages:forward");
    assert_eq!(code(alice.client.post::<serde_json::Value>(&path, bundle).await), Code::Forbidden);
}

#[tokio::test]
async fn masked_words_reach_nobody_and_a_repeat_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words");
    std::fs::write(&file, "gooseberry\n").unwrap();
    let settings = [format!("messaging.words_file={}", file.display()), "messaging.words_mode=mask".into()];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let Some(app) = TestApp::start_with(&settings).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let message = alice.message(conversation, "gooseberry pie");
    let first = alice.client.send(&message).await.unwrap();
    let again = alice.client.send(&message).await.unwrap();
    assert_eq!((again.seq, again.dup), (first.seq, true));
    assert_eq!(texts(&bob.history(conversation).await), ["********** pie"]);
}
