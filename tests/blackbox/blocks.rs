//! Blocking: what the one who blocks sees, and that the other sees nothing.

use anser_client::v1::event::Event;
use anser_tests::{TestApp, code, texts};
use anser_types::Code;

#[tokio::test]
async fn a_block_between_friends_closes_both_directions_and_shows_to_one() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    alice.says(conversation, "before").await;
    let phone = alice.on_another_device().await.online().await;
    let (alices, bobs) =
        (alice.client.sync_me("").await.unwrap().next_token, bob.client.sync_me("").await.unwrap().next_token);
    let (seen, heads) = (format!("{:?}", bob.sees(conversation).await), bob.heads().await);

    let block = alice.client.block(bob.id).await.unwrap();
    assert_eq!(block.profile.as_ref().unwrap().username, bob.username);
    let told = phone
        .hears("the block", |event| match event {
            Event::BlockAdded(added) => added.block.clone(),
            _ => None,
        })
        .await;
    assert_eq!(told, block);
    assert_eq!(alice.client.blocks(0, "").await.unwrap().items, std::slice::from_ref(&block));
    assert_eq!(alice.client.sync_me(&alices).await.unwrap().blocks, [block]);

    for person in [&alice, &bob] {
        assert_eq!(code(person.tries_to_say(conversation, "after").await), Code::NotAllowed);
        assert_eq!(texts(&person.history(conversation).await), ["before"]);
    }
    // The other finds nothing new anywhere.
    let news = bob.client.sync_me(&bobs).await.unwrap();
    assert!(news.me.is_none() && news.friends.is_empty() && news.requests.is_empty());
    assert!(news.removed.is_empty() && news.blocks.is_empty() && news.unblocked.is_empty());
    assert_eq!((format!("{:?}", bob.sees(conversation).await), bob.heads().await), (seen, heads));
    assert_eq!(bob.client.friends(0, "").await.unwrap().items.len(), 1);
    assert!(bob.client.blocks(0, "").await.unwrap().items.is_empty());

    alice.client.unblock(bob.id).await.unwrap();
    let freed = phone
        .hears("the end of it", |event| match event {
            Event::BlockRemoved(removed) => Some(removed.user_id.clone()),
            _ => None,
        })
        .await;
    assert_eq!(freed, bob.id.to_vec());
    assert_eq!(alice.client.sync_me(&alices).await.unwrap().unblocked, [bob.id.to_vec()]);
    bob.says(conversation, "again").await;
    assert_eq!(texts(&alice.history(conversation).await), ["before", "again"]);
    assert_eq!(code(alice.client.unblock(bob.id).await), Code::NotFound);
}

#[tokio::test]
async fn a_blocked_stranger_may_not_ask_for_friendship() {
    let app = TestApp::start().await;
    let (alice, eve) = (app.person("alice").await, app.person("eve").await);
    let request = eve.asks(&alice).await;
    alice.client.block(eve.id).await.unwrap();
    assert_eq!(code(eve.client.request_friend(alice.id, "please").await), Code::NotAllowed);
    assert_eq!(code(alice.client.request_friend(eve.id, "").await), Code::NotAllowed);
    assert_eq!(code(alice.client.accept_friend(request).await), Code::NotAllowed);
    alice.client.unblock(eve.id).await.unwrap();
    alice.client.accept_friend(request).await.unwrap();
    eve.says(eve.with(&alice).await, "at last").await;
}

#[tokio::test]
async fn common_groups_go_on_between_people_who_block_each_other() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    carol.befriends(&alice).await;
    carol.befriends(&bob).await;
    let group = carol.group("all of us", &[&alice, &bob]).await;
    alice.client.block(bob.id).await.unwrap();
    let device = alice.online().await;
    bob.says(group, "to everybody").await;
    device
        .hears("the message", |event| match event {
            Event::Entry(entry) if entry.sender_id == bob.id.as_bytes() => Some(()),
            _ => None,
        })
        .await;
}
