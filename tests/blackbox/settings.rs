//! What people set about conversations for themselves: the same on all their devices, and nobody else's business.

use anser_client::v1::{ConversationSettings, event::Event};
use anser_tests::{Device, TestApp, code};
use anser_types::Code;
use serde_json::json;

async fn hears_settings(device: &Device) -> ConversationSettings {
    device
        .hears("the settings", |event| match event {
            Event::Settings(settings) => Some(ConversationSettings::clone(settings)),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn what_one_device_sets_the_others_hear_or_find_later() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let elsewhere = alice.on_another_device().await;
    let token = elsewhere.client.sync_me("").await.unwrap().next_token;
    let (here, bobs) = (elsewhere.online().await, bob.online().await);
    let set = json!({ "pinned": true, "draft": "Dear Bob", "mute_ms": 60_000 });
    let answered = alice.client.change_settings(conversation, set).await.unwrap();
    let heard = hears_settings(&here).await;
    assert_eq!(heard, answered);
    assert!(heard.pinned_at > 0 && heard.draft == "Dear Bob" && heard.muted_until_at > 0);
    assert_eq!(elsewhere.client.sync_me(&token).await.unwrap().settings, std::slice::from_ref(&answered));
    assert_eq!(elsewhere.sees(conversation).await.settings, Some(answered));

    // The other person neither hears of it nor finds it.
    bob.client.change_settings(conversation, json!({ "archived": true })).await.unwrap();
    let bobs_own = hears_settings(&bobs).await;
    assert!(bobs_own.archived && bobs_own.draft.is_empty());
}

#[tokio::test]
async fn a_device_that_was_away_is_told_to_ask_only_if_something_moved() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let away = alice.on_another_device().await;
    let device = away.online().await;
    device.socket.sync_me("").await.unwrap();
    let point = device.socket.ping().await.unwrap();
    device.socket.close().await;
    let back = away.back_from(&point).await;
    assert!(!back.socket.welcome().me_changed);
    let point = back.socket.ping().await.unwrap();
    back.socket.close().await;
    alice.client.change_settings(conversation, json!({ "archived": true })).await.unwrap();
    let back = away.back_from(&point).await;
    assert!(back.socket.welcome().me_changed);
}

#[tokio::test]
async fn a_hidden_conversation_is_back_with_the_next_message() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    alice.client.change_settings(conversation, json!({ "hidden": true })).await.unwrap();
    assert!(alice.client.conversations(50, "").await.unwrap().items.is_empty());
    bob.says(conversation, "are you there?").await;
    assert_eq!(alice.client.conversations(50, "").await.unwrap().items.len(), 1);
    let marked = alice.client.change_settings(conversation, json!({ "marked_unread": true })).await.unwrap();
    assert!(marked.marked_unread && !marked.hidden);
}

#[tokio::test]
async fn settings_of_what_is_not_mine_do_not_exist() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let carol = app.person("carol").await;
    let refused = carol.client.change_settings(conversation, json!({ "pinned": true })).await;
    assert_eq!(code(refused), Code::NotFound);
    let long = json!({ "draft": "x".repeat(4_097) });
    assert_eq!(code(alice.client.change_settings(conversation, long).await), Code::InvalidArgument);
}
