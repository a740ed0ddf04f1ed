//! Messages that hold files: who may read a file follows from who may read the message.

use anser_client::{
    Error,
    v1::{Attachment, Content, Entry, File, Image, SendAck, SendMessage, Voice, content::Kind},
};
use anser_tests::{Person, TestApp, code, file_id, png, until};
use anser_types::{Code, ConversationId, MessageId};
use reqwest::Method;

fn message(person: &Person, conversation: ConversationId, content: Content) -> SendMessage {
    SendMessage { content: Some(content), ..person.message(conversation, "") }
}

fn attachment(file: &File) -> Content {
    Kind::File(Box::new(Attachment { file_id: file.file_id.clone(), ..Attachment::default() })).into()
}

async fn sends(person: &Person, conversation: ConversationId, content: Content) -> Result<SendAck, Error> {
    person.client.send(&message(person, conversation, content)).await
}

async fn may_read(person: &Person, file: &File) -> bool {
    person.fetches(&file_id(file)).await.is_some()
}

async fn entry(person: &Person, conversation: ConversationId, seq: i64) -> Entry {
    person.history(conversation).await.into_iter().find(|entry| entry.seq == seq).unwrap()
}

/// Two seconds of silence as raw sound in a WAV file.
fn wav() -> Vec<u8> {
    let samples = vec![0u8; 2 * 2 * 16_000];
    let mut out = b"RIFF".to_vec();
    out.extend((36 + samples.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend(16_000u32.to_le_bytes());
    out.extend(32_000u32.to_le_bytes());
    out.extend(b"\x02\0\x10\0data");
    out.extend((samples.len() as u32).to_le_bytes());
    out.extend(samples);
    out
}

#[tokio::test]
async fn a_picture_is_described_by_the_server_and_read_by_those_who_may_read_its_message() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let mallory = app.person("mallory").await;
    let direct = alice.with(&bob).await;
    let file = alice.sends_file("face.png", png(40, 30)).await;
    assert!(!may_read(&bob, &file).await, "nobody has sent it yet");

    let device = bob.online().await;
    let claimed = Image {
        file_id: file.file_id.clone(),
        name: "setup.exe".into(),
        size: 7,
        width: 9_999,
        caption: "me".into(),
        ..Image::default()
    };
    let seq = sends(&alice, direct, Kind::Image(Box::new(claimed)).into()).await.unwrap().seq;
    let heard = device.hears_entry().await;
    let Some(Kind::Image(image)) = heard.content.unwrap().kind else { panic!("a picture was sent") };
    assert_eq!((image.name.as_str(), image.size, image.media_type.as_str()), ("face.png", file.size, "image/png"));
    assert_eq!((image.width, image.height, image.caption.as_str()), (40, 30, "me"));
    assert!(may_read(&bob, &file).await && may_read(&alice, &file).await);
    assert!(!may_read(&mallory, &file).await);

    // What was recalled is read by nobody but its owner.
    alice.client.recall(direct, seq).await.unwrap();
    assert!(!may_read(&bob, &file).await);
    assert!(!entry(&bob, direct, seq).await.content.unwrap().kind.is_some_and(|kind| matches!(kind, Kind::Image(_))));
}

#[tokio::test]
async fn only_ones_own_complete_files_can_be_sent() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let bobs = bob.sends_file("secret", "bob's").await;
    let nobodys = File { file_id: MessageId::new(alice.client.clock()).to_vec(), ..File::default() };
    for file in [&bobs, &nobodys] {
        assert_eq!(code(sends(&alice, direct, attachment(file)).await), Code::NotFound);
    }
    assert!(!may_read(&alice, &bobs).await);
    let begun = serde_json::json!({ "name": "half", "size": 10 });
    let (_, upload) = alice.answered(Method::POST, "/v1/uploads", Some(begun)).await;
    let half: anser_types::FileId = upload["upload_id"].as_str().unwrap().parse().unwrap();
    let half = File { file_id: half.to_vec(), ..File::default() };
    assert_eq!(code(sends(&alice, direct, attachment(&half)).await), Code::NotFound);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_a_forward_holds_the_file_too() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    let (direct, to_carol) = (alice.with(&bob).await, bob.befriends(&carol).await);
    let file = alice.sends_file("plan.txt", "the plan").await;
    let send = message(&alice, direct, attachment(&file));
    let first = alice.client.send(&send).await.unwrap();
    let again = alice.client.send(&send).await.unwrap();
    assert_eq!((again.seq, again.dup), (first.seq, true));

    let key = MessageId::new(bob.client.clock());
    let forwarded = bob.client.forward(direct, &[first.seq], to_carol, &[key]).await.unwrap();
    assert!(forwarded.outcomes[0].ack.is_some());
    assert_eq!(carol.fetches(&file_id(&file)).await.as_deref(), Some(&b"the plan"[..]));
    // A forward is a message of its own: recalling the original does not take it from Carol.
    alice.client.recall(direct, first.seq).await.unwrap();
    assert!(may_read(&carol, &file).await);
}

#[tokio::test]
async fn who_has_left_or_deleted_a_message_for_themselves_reads_its_file_no_more() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let group = alice.group("files", &[&bob]).await;
    let before = alice.sends_file("before", "one").await;
    let seq = sends(&alice, group, attachment(&before)).await.unwrap().seq;
    assert!(may_read(&bob, &before).await);
    bob.client.delete_for_me(group, &[(seq, seq)]).await.unwrap();
    assert!(!may_read(&bob, &before).await);

    bob.client.leave(group).await.unwrap();
    let after = alice.sends_file("after", "two").await;
    sends(&alice, group, attachment(&after)).await.unwrap();
    assert!(!may_read(&bob, &after).await);
}

#[tokio::test]
async fn the_words_of_a_voice_message_stand_with_it_and_go_with_it() {
    let engine = "speech.command=/bin/sh,-c,echo hello from here,engine,{file}";
    let Some(app) = TestApp::start_with(&["speech.provider=command", engine]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let file = alice.sends_file("note.wav", wav()).await;
    let voice = Voice { file_id: file.file_id.clone(), duration_ms: 1, ..Voice::default() };
    let seq = sends(&alice, direct, Kind::Voice(Box::new(voice)).into()).await.unwrap().seq;

    let alices = alice.online().await;
    let conversation = direct.to_string();
    let path = format!("/v1/conversations/{conversation}/messages/{seq}:transcribe");
    let (status, words) = bob.answered(Method::POST, &path, None).await;
    assert_eq!((status, words["text"].as_str()), (200, Some("hello from here")), "{words}");
    let (kind, target) = alices.hears_change("the words").await;
    assert!(matches!(kind, Kind::Transcribed(_)), "{kind:?}");
    let Some(Kind::Voice(voice)) = target.unwrap().content.unwrap().kind else { panic!("it is a voice message") };
    assert_eq!((voice.transcript.as_str(), voice.duration_ms), ("hello from here", 2_000));

    alice.client.recall(direct, seq).await.unwrap();
    until("the words are gone", || async { !format!("{:?}", bob.history(direct).await).contains("hello from here") })
        .await;
    assert_ne!(bob.answered(Method::POST, &path, None).await.0, 200);
}
