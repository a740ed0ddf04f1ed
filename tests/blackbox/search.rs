//! Finding messages by their words: what people see of it, over the whole way from a send to the index and back.

use anser_client::{http::Narrowed, v1::SearchMessagesReply};
use anser_tests::{Person, TestApp, code, until};
use anser_types::{Code, ConversationId};

/// What somebody finds, as seqs of a conversation in order.
fn seqs(reply: &SearchMessagesReply) -> Vec<i64> {
    reply.items.iter().map(|hit| hit.entry.as_ref().unwrap().seq).collect()
}

async fn finds(person: &Person, words: &str) -> Vec<i64> {
    seqs(&person.client.search_messages(words, Narrowed::default()).await.unwrap())
}

/// Waits until somebody finds exactly this: the index is a moment behind.
async fn comes_to_find(person: &Person, words: &str, expected: &[i64]) {
    until(&format!("{words} to be found"), async || finds(person, words).await == expected).await;
}

async fn friends() -> (TestApp, Person, Person, ConversationId) {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    (app, alice, bob, direct)
}

#[tokio::test]
async fn what_was_said_is_found_by_words_and_by_any_part_of_chinese() {
    let (_app, alice, bob, direct) = friends().await;
    let english = alice.says(direct, "The Wild Goose carries letters").await.seq;
    let chinese = bob.says(direct, "鸿雁传书，千里寄相思").await.seq;
    comes_to_find(&bob, "goose letters", &[english]).await;
    comes_to_find(&alice, "里寄相", &[chinese]).await;
    let hit = alice.client.search_messages("雁传", Narrowed::default()).await.unwrap().items.remove(0);
    let marked: String = hit.snippet.chars().skip(hit.highlights[0].from as usize).take(2).collect();
    assert_eq!(marked, "雁传");
    let narrowed = Narrowed { conversation: Some(direct), sender: Some(bob.id), ..Narrowed::default() };
    assert!(seqs(&alice.client.search_messages("goose", narrowed).await.unwrap()).is_empty());
    assert_eq!(code(alice.client.search_messages("。", Narrowed::default()).await), Code::InvalidArgument);
}

#[tokio::test]
async fn strangers_find_nothing_and_who_left_finds_what_they_had() {
    let (app, alice, bob, _) = friends().await;
    let eve = app.person("eve").await;
    let group = alice.group("geese", &[&bob]).await;
    let before = alice.says(group, "a nest in the reeds").await.seq;
    comes_to_find(&bob, "reeds", &[before]).await;
    bob.client.leave(group).await.unwrap();
    let after = alice.says(group, "more reeds").await.seq;
    comes_to_find(&alice, "reeds", &[after, before]).await;
    assert_eq!(finds(&bob, "reeds").await, [before]);
    assert!(finds(&eve, "reeds").await.is_empty());
}

#[tokio::test]
async fn edits_recalls_and_deletions_count() {
    let (_app, alice, bob, direct) = friends().await;
    let edited = alice.says(direct, "heron").await.seq;
    let recalled = alice.says(direct, "heron stork").await.seq;
    let deleted = alice.says(direct, "heron crane").await.seq;
    comes_to_find(&bob, "heron", &[deleted, recalled, edited]).await;
    let words = anser_client::v1::content::Kind::Text(anser_client::v1::Text { text: "egret".into() }).into();
    alice.client.edit(direct, edited, &words).await.unwrap();
    alice.client.recall(direct, recalled).await.unwrap();
    assert!(finds(&bob, "stork").await.is_empty(), "at once, whatever the index says");
    comes_to_find(&bob, "egret", &[edited]).await;
    assert_eq!(finds(&bob, "heron").await, [deleted]);
}

#[tokio::test]
async fn pages_are_the_whole() {
    let (_app, alice, bob, direct) = friends().await;
    let mut said = Vec::new();
    for _ in 0..7 {
        said.insert(0, alice.says(direct, "goose 雁").await.seq);
    }
    comes_to_find(&bob, "雁", &said).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let narrowed = Narrowed { limit: Some(3), cursor, ..Narrowed::default() };
        let reply = bob.client.search_messages("雁", narrowed).await.unwrap();
        found.extend(seqs(&reply));
        cursor = reply.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(found, said);
}

#[tokio::test]
async fn a_lost_index_is_made_again() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let seq = alice.says(direct, "goose").await.seq;
    comes_to_find(&bob, "goose", &[seq]).await;
    app.crash();
    std::fs::remove_dir_all(app.store_dir().join("index")).unwrap();
    app.start_again().await;
    comes_to_find(&bob, "goose", &[seq]).await;
}
