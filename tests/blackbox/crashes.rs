//! What files, codes, sessions of other protocols, search and the words of voice messages promise over a crash: what was
//! answered holds, what was not has left nothing. The same for messages is in `restart.rs`, for uploads in parts in `files.rs`.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    path::Path,
};

use anser_client::{
    http::Narrowed,
    v1::{Attachment, Content, File, Image, SendMessage, Voice, content::Kind},
};
use anser_tests::{Person, TestApp, code, file_id, png, until};
use anser_types::{Code, ConversationId, FileId};
use reqwest::Method;
use serde_json::{Value, json};

async fn sends(person: &Person, conversation: ConversationId, kind: Kind) -> i64 {
    let content = Content::from(kind);
    let message = SendMessage { content: Some(content), ..person.message(conversation, "") };
    person.client.send(&message).await.unwrap().seq
}

fn attachment(file: &File) -> Kind {
    Kind::File(Box::new(Attachment { file_id: file.file_id.clone(), ..Attachment::default() }))
}

/// What somebody finds, newest first, and whether there may be more; `None`: search cannot be asked just now.
async fn searches(person: &Person, words: &str) -> Option<(Vec<i64>, bool)> {
    match person.client.search_messages(words, Narrowed::default()).await {
        Ok(reply) => Some((reply.items.iter().map(|hit| hit.entry.as_ref().unwrap().seq).collect(), reply.degraded)),
        Err(error) => {
            assert_eq!(error.code(), Some(Code::Unavailable), "{error}");
            None
        }
    }
}

/// After a start: an answer that is not all says so, and soon all is found.
async fn comes_to_find_again(person: &Person, words: &str, expected: &[i64]) {
    until(&format!("{words} to be found"), async || match searches(person, words).await {
        Some((found, degraded)) => {
            assert!(found == expected || degraded, "{found:?} is said to be all");
            found == expected && !degraded
        }
        None => false,
    })
    .await;
}

/// Waits until something just said is found: the index is a moment behind.
async fn comes_to_find(person: &Person, words: &str, expected: &[i64]) {
    let found = async || searches(person, words).await.is_some_and(|(found, _)| found == expected);
    until(&format!("{words} to be found"), found).await;
}

#[tokio::test]
async fn files_that_were_answered_are_there_and_so_are_the_messages_that_hold_them() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    for round in 0..4u8 {
        let bytes: Vec<u8> = (0..40_000u32).map(|number| (number / 3) as u8 ^ round).collect();
        let picture = png(40 + u32::from(round), 30);
        let file = alice.sends_file("notes.bin", bytes.clone()).await;
        let unsent = alice.sends_file("unsent", format!("only mine {round}")).await;
        let image = alice.sends_file("p.png", picture.clone()).await;
        sends(&alice, direct, attachment(&file)).await;
        let shown = Image { file_id: image.file_id.clone(), ..Image::default() };
        sends(&alice, direct, Kind::Image(Box::new(shown))).await;
        app.crash();
        app.start_again().await;
        assert!(bob.fetches(&file_id(&file)).await.as_ref() == Some(&bytes), "round {round}");
        assert!(bob.fetches(&file_id(&image)).await.as_ref() == Some(&picture), "round {round}");
        assert_eq!(alice.fetches(&file_id(&unsent)).await, Some(format!("only mine {round}").into_bytes()));
        assert_eq!(bob.fetches(&file_id(&unsent)).await, None);
        // What was still to be made is made.
        let path = format!("/v1/files/{}/thumbnail", file_id(&image));
        until("the thumbnail", || async { bob.calls(Method::GET, &path, &[], "").await.status() == 200 }).await;
    }
}

#[tokio::test]
async fn half_a_file_is_none_and_what_belongs_to_nobody_is_swept() {
    let Some(app) = TestApp::start_with(&["files.sweep_ms=100"]).await else { return };
    let alice = app.person("alice").await;
    let uploads = app.store_dir().join("uploads");
    let mut socket = TcpStream::connect(app.url().trim_start_matches("http://")).unwrap();
    let token = alice.client.tokens().unwrap().access_token;
    let head = format!(
        "POST /v1/files?name=half HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 2000000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all("x".repeat(1_000_000).as_bytes()).unwrap();
    let half = async || names(&uploads).into_iter().find(|name| size(&uploads.join(name)) > 0);
    until("some of it is on the disk", async || half().await.is_some()).await;
    let half: FileId = half().await.unwrap().parse().unwrap();

    app.crash();
    // As a crash leaves it between two of its steps: bytes without a row.
    let stray = FileId::new(alice.client.clock()).to_string();
    fs::write(uploads.join(&stray), "nobody's").unwrap();
    fs::write(uploads.join("made-7"), "half a face").unwrap();
    app.start_again().await;
    assert_eq!(alice.fetches(&half.to_string()).await, None);
    assert_eq!(alice.answered(Method::POST, &format!("/v1/uploads/{half}:complete"), None).await.0, 400);
    assert_eq!(alice.answered(Method::GET, "/v1/files:usage", None).await.1["files"], 0);
    until("the strays are gone", async || {
        let left = names(&uploads);
        !left.contains(&stray) && !left.contains(&"made-7".to_owned())
    })
    .await;
    let gone = alice.answered(Method::DELETE, &format!("/v1/uploads/{half}"), None).await;
    assert_eq!((gone.0, names(&uploads)), (204, Vec::new()), "{}", gone.1);
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| about.len())
}

#[tokio::test]
async fn a_code_is_good_once_and_wrong_tries_count_whatever_ends_the_process() {
    let Some(app) = TestApp::start_own().await else { return };
    let (client, phone) = (app.anonymous(), app.phone());
    let register = async |shown: &Value| client.post::<Value>("/v1/users:by-phone", shown.clone()).await;
    let log_in = async |shown: &Value| client.post::<Value>("/v1/sessions:by-phone", shown.clone()).await;
    let used = app.code(&client, &phone, "account").await.unwrap();
    let unused = app.code(&client, &phone, "account").await.unwrap();
    let tried = app.code(&client, &phone, "account").await.unwrap();
    let registered = register(&used).await.unwrap();
    let mut wrong = tried.clone();
    let right: u32 = tried["code"].as_str().unwrap().parse().unwrap();
    wrong["code"] = format!("{:06}", (right + 1) % 1_000_000).into();
    for _ in 0..5 {
        assert_eq!(code(log_in(&wrong).await), Code::Unauthenticated);
    }

    app.crash();
    app.start_again().await;
    assert_eq!(code(log_in(&used).await), Code::Unauthenticated, "it was used");
    assert_eq!(code(log_in(&tried).await), Code::Unauthenticated, "five tries were all");
    assert_eq!(log_in(&unused).await.unwrap()["user_id"], registered["user_id"]);
    app.crash();
    app.start_again().await;
    assert_eq!(code(log_in(&unused).await), Code::Unauthenticated);
}

/// A call of the chat-room protocol: fields of text by number; answers the body.
async fn old_call(address: &str, path: &str, fields: &[(u8, &str)]) -> Vec<u8> {
    let field = |&(number, text): &(u8, &str)| [&[number << 3 | 2, text.len() as u8][..], text.as_bytes()].concat();
    let body: Vec<u8> = fields.iter().flat_map(field).collect();
    let answer = reqwest::Client::new().post(format!("http://{address}/service/user/{path}")).body(body).send().await;
    answer.unwrap().bytes().await.unwrap().to_vec()
}

fn holds(answer: &[u8], text: &str) -> bool {
    answer.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_session_of_the_older_protocol_lives_on() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (http, ws) = (format!("chatroom.http_listen={free}"), format!("chatroom.ws_listen={free}"));
    let Some(app) = TestApp::start_with(&["chatroom.enabled=true", &http, &ws]).await else { return };
    let who = [(1, "R1"), (2, "ada-of-old"), (3, "Passw123")];
    assert!(!holds(&old_call(&free, "username_register", &who).await, "失败"));
    let answer = old_call(&free, "username_login", &who).await;
    // Its last field is the token: 32 bytes in base32.
    let token = std::str::from_utf8(&answer[answer.len() - 52..]).unwrap().to_owned();
    app.crash();
    app.start_again().await;
    let ask = async |token: &str| old_call(&free, "get_user_info", &[(1, "R2"), (3, token)]).await;
    assert!(holds(&ask(&token).await, "ada-of-old"), "it is still hers");
    assert!(!holds(&ask(&"0".repeat(52)).await, "ada-of-old"));
}

#[tokio::test]
async fn what_was_said_just_before_a_crash_is_found_after_it() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let eve = app.person("eve").await;
    let direct = alice.with(&bob).await;
    let (mut words, mut files) = (Vec::new(), Vec::new());
    for round in 0..4 {
        for _ in 0..5 {
            words.insert(0, alice.says(direct, &format!("heron number {round}")).await.seq);
        }
        let file = alice.sends_file("heronry.txt", "eggs").await;
        files.insert(0, sends(&alice, direct, attachment(&file)).await);
        let recalled = alice.says(direct, "heron and stork").await.seq;
        alice.client.recall(direct, recalled).await.unwrap();
        app.crash();
        app.start_again().await;
        comes_to_find_again(&bob, "heron", &words).await;
        comes_to_find_again(&bob, "heronry txt", &files).await;
        assert_eq!(searches(&bob, "stork").await, Some((Vec::new(), false)));
        assert_eq!(searches(&eve, "heron").await, Some((Vec::new(), false)));
    }
}

#[tokio::test]
async fn an_index_that_is_garbage_is_made_again_and_says_so_meanwhile() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let mut said = vec![alice.says(direct, "goose").await.seq];
    comes_to_find(&bob, "goose", &said).await;
    let index = app.store_dir().join("index");
    for damage in [overwrite, cut, remove_some] {
        app.crash();
        each_file(&index, damage);
        app.start_again().await;
        comes_to_find_again(&bob, "goose", &said).await;
        until("people are found", async || {
            let found = bob.client.search_users(&alice.username, 5, "").await;
            found.is_ok_and(|found| found.items.iter().any(|one| one.user_id == alice.id.as_bytes()))
        })
        .await;
        said.insert(0, alice.says(direct, "one more goose").await.seq);
        comes_to_find(&bob, "goose", &said).await;
    }

    // As long as it cannot be made, everything else goes on.
    app.crash();
    fs::remove_dir_all(&index).unwrap();
    fs::write(&index, "no folder").unwrap();
    app.start_again().await;
    assert!(searches(&bob, "goose").await.is_none_or(|(found, degraded)| found.is_empty() && degraded));
    said.insert(0, alice.says(direct, "the last goose").await.seq);
    fs::remove_file(&index).unwrap();
    comes_to_find_again(&bob, "goose", &said).await;
}

fn each_file(folder: &Path, damage: fn(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { each_file(&path, damage) } else { damage(&path) }
    }
}

fn overwrite(path: &Path) {
    fs::write(path, vec![0xa5; size(path) as usize]).unwrap();
}

fn cut(path: &Path) {
    fs::File::options().write(true).open(path).unwrap().set_len(size(path) / 2).unwrap();
}

/// What remains says that there is more.
fn remove_some(path: &Path) {
    if path.extension().is_some_and(|extension| extension != "json") {
        fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn the_words_of_a_voice_message_are_found_once_and_stay() {
    // It counts how often it was asked, beside its own folder.
    let engine = r#"speech.command=/bin/sh,-c,echo x >> ../asked; printf 'egret %s' "$(wc -l < ../asked | tr -d ' ')",engine,{file}"#;
    let Some(app) = TestApp::start_with(&["speech.provider=command", engine]).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let sound = alice.sends_file("note.amr", [&b"#!AMR\n"[..], &[0x3c; 32]].concat()).await;
    let silence = alice.sends_file("note.wav", wav()).await;
    let voice = |file: &File| Kind::Voice(Box::new(Voice { file_id: file.file_id.clone(), ..Voice::default() }));
    let unreadable = sends(&alice, direct, voice(&sound)).await;
    let seq = sends(&alice, direct, voice(&silence)).await;
    let path = |seq: i64| format!("/v1/conversations/{direct}/messages/{seq}:transcribe");
    let words = async |person: &Person| person.answered(Method::POST, &path(seq), None).await;
    assert_eq!(words(&bob).await, (200, json!({ "text": "egret 1" })));
    app.crash();
    app.start_again().await;
    for person in [&alice, &bob] {
        assert_eq!(words(person).await, (200, json!({ "text": "egret 1" })), "the words that were found first");
    }
    comes_to_find_again(&bob, "egret", &[seq]).await;
    assert_eq!(bob.answered(Method::POST, &path(unreadable), None).await.0, 415, "the program takes WAV only");
    alice.client.recall(direct, seq).await.unwrap();
    app.crash();
    app.start_again().await;
    assert_eq!(words(&bob).await.0, 410);
    until("nobody finds them", async || searches(&bob, "egret").await == Some((Vec::new(), false))).await;
    let history = format!("{:?}", bob.history(direct).await);
    assert!(!history.contains("egret"));
}

/// A tenth of a second of silence.
fn wav() -> Vec<u8> {
    let mut file =
        b"RIFF\xa4\x0c\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\x80\x0c\0\0".to_vec();
    file.resize(44 + 3_200, 0);
    file
}
