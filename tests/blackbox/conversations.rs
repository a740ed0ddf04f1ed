//! The conversation list, and who may talk to whom.

use anser_client::v1::ConversationKind;
use anser_tests::{TestApp, code};
use anser_types::{Code, ConversationId};

#[tokio::test]
async fn the_opening_screen_is_one_call() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let (bob, carol) = (app.person("bob").await, app.person("carol").await);
    let with_bob = alice.befriends(&bob).await;
    let with_carol = alice.befriends(&carol).await;
    let group = alice.group("the three", &[&bob, &carol]).await;
    bob.says(with_bob, "hello").await;
    carol.says(with_carol, "good morning").await;
    bob.says(with_bob, "anybody?").await;

    let listed = alice.client.conversations(0, "").await.unwrap().items;
    let ids: Vec<_> = listed.iter().map(|one| one.conversation_id.clone()).collect();
    assert_eq!(ids, [with_bob.to_vec(), with_carol.to_vec(), group.to_vec()], "newest first");
    let newest = &listed[0];
    assert_eq!((newest.kind(), newest.title.as_str(), newest.unread), (ConversationKind::Direct, "bob", 2));
    assert_eq!(newest.peer.as_ref().unwrap().username, bob.username);
    assert_eq!(newest.last_message.as_ref().unwrap().fallback_text, "anybody?");
    assert_eq!((listed[2].title.as_str(), listed[2].member_count), ("the three", 3));
    assert!(listed.iter().all(|one| one.can_send));
}

#[tokio::test]
async fn the_list_comes_in_pages_and_cursors_belong_to_their_list_and_person() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    for title in ["one", "two", "three", "four", "five"] {
        alice.group(title, &[]).await;
    }
    let (mut cursor, mut titles) = (String::new(), Vec::new());
    loop {
        let page = alice.client.conversations(2, &cursor).await.unwrap();
        assert!(page.items.len() <= 2);
        titles.extend(page.items.iter().map(|one| one.title.clone()));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(titles, ["five", "four", "three", "two", "one"]);

    let cursor = alice.client.conversations(2, "").await.unwrap().next_cursor;
    let bob = app.person("bob").await;
    assert_eq!(code(bob.client.conversations(2, &cursor).await), Code::InvalidArgument);
    assert_eq!(code(alice.client.friends(2, &cursor).await), Code::InvalidArgument);
    assert_eq!(code(alice.client.conversations(2, "nonsense").await), Code::InvalidArgument);
}

#[tokio::test]
async fn strangers_do_not_talk() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    assert_eq!(code(alice.client.open_direct(bob.id).await), Code::NotAllowed);
    assert_eq!(code(alice.client.open_direct(alice.id).await), Code::InvalidArgument);
}

#[tokio::test]
async fn strangers_talk_where_the_operator_lets_them() {
    let Some(app) = TestApp::start_with(&["messaging.strangers_may_talk=true"]).await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let opened = alice.client.open_direct(bob.id).await.unwrap();
    let conversation = ConversationId::try_from(&opened.conversation_id[..]).unwrap();
    alice.says(conversation, "we have not met").await;
    assert_eq!(bob.unread(conversation).await, 1);
    assert_eq!(bob.client.open_direct(alice.id).await.unwrap().conversation_id, opened.conversation_id);
}

#[tokio::test]
async fn friends_open_the_conversation_that_they_have() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let opened = alice.client.open_direct(bob.id).await.unwrap();
    assert_eq!(opened.conversation_id, alice.with(&bob).await.to_vec());
}

#[tokio::test]
async fn a_conversation_of_others_does_not_exist() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let eve = app.person("eve").await;
    let direct = alice.with(&bob).await;
    let group = alice.group("private", &[&bob]).await;
    let nowhere = ConversationId::new(alice.client.clock());
    for conversation in [direct, group, nowhere] {
        let client = &eve.client;
        assert_eq!(code(client.conversation(conversation).await), Code::NotFound);
        assert_eq!(code(client.history(conversation, Default::default()).await), Code::NotFound);
        assert_eq!(code(client.members(conversation, 0, "").await), Code::NotFound);
        assert_eq!(code(client.sync_conversation(conversation, 0, 0).await), Code::NotFound);
        assert_eq!(code(client.mark_read(conversation, 1).await), Code::NotFound);
        assert_eq!(code(client.invite(conversation, &[alice.id]).await), Code::NotFound);
        assert_eq!(code(client.leave(conversation).await), Code::NotFound);
        assert_eq!(code(client.remove_member(conversation, alice.id).await), Code::NotFound);
        assert_eq!(code(client.accept_invitation(conversation).await), Code::NotFound);
        assert_eq!(code(eve.tries_to_say(conversation, "let me in").await), Code::NotFound);
    }
}
