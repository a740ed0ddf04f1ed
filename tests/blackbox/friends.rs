//! Friend requests, friends, and the end of a friendship.

use anser_client::v1::{FriendRequestState, event::Event};
use anser_tests::{Person, TestApp, code, texts};
use anser_types::{Code, FriendRequestId, UserId};

async fn friend_ids(person: &Person) -> Vec<Vec<u8>> {
    let page = person.client.friends(200, "").await.unwrap();
    page.items.into_iter().map(|view| view.friend.unwrap().user_id).collect()
}

#[tokio::test]
async fn a_request_is_seen_accepted_and_makes_a_conversation() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let view = alice.client.request_friend(bob.id, "it is me").await.unwrap();
    let request = view.request.unwrap();
    assert_eq!((request.state(), request.message.as_str()), (FriendRequestState::Pending, "it is me"));
    assert!(request.expires_at > request.created_at);

    let received = bob.client.friend_requests(false, 0, "").await.unwrap().items;
    let sent = alice.client.friend_requests(true, 0, "").await.unwrap().items;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].from.as_ref().unwrap().username, alice.username);
    assert_eq!(sent[0].to.as_ref().unwrap().username, bob.username);
    assert_eq!(received[0].request, sent[0].request);

    let id = FriendRequestId::try_from(&request.request_id[..]).unwrap();
    let accepted = bob.client.accept_friend(id).await.unwrap().request.unwrap();
    assert_eq!(accepted.state(), FriendRequestState::Accepted);
    assert_eq!(friend_ids(&alice).await, [bob.id.to_vec()]);
    assert_eq!(friend_ids(&bob).await, [alice.id.to_vec()]);
    let conversation = alice.with(&bob).await;
    assert_eq!(conversation.to_vec(), accepted.conversation_id);
    assert_eq!(bob.with(&alice).await, conversation);
    // Accepting again changes nothing.
    let again = bob.client.accept_friend(id).await.unwrap().request.unwrap();
    assert_eq!(again.state(), FriendRequestState::Accepted);
}

#[tokio::test]
async fn everybody_concerned_hears_of_a_friendship_while_online() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let second = bob.on_another_device().await;
    let (alices, bobs, bobs_second) = (alice.online().await, bob.online().await, second.online().await);
    let request = alice.asks(&bob).await;
    for device in [&bobs, &bobs_second] {
        let heard = device
            .hears("the request", |event| match event {
                Event::FriendRequest(view) => view.request.clone(),
                _ => None,
            })
            .await;
        assert_eq!(heard.request_id, request.to_vec());
    }
    bob.client.accept_friend(request).await.unwrap();
    for (device, friend) in [(&alices, &bob), (&bobs, &alice), (&bobs_second, &alice)] {
        let added = device
            .hears("the new friend", |event| match event {
                Event::FriendAdded(added) => added.friend.clone(),
                _ => None,
            })
            .await;
        assert_eq!(added.friend.unwrap().user_id, friend.id.to_vec());
        assert_eq!(added.profile.unwrap().username, friend.username);
    }
}

#[tokio::test]
async fn a_repeat_is_the_same_request_and_a_crossing_one_makes_friends() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let first = alice.asks(&bob).await;
    assert_eq!(alice.asks(&bob).await, first);
    let crossing = bob.client.request_friend(alice.id, "").await.unwrap().request.unwrap();
    assert_eq!(crossing.request_id, first.to_vec());
    assert_eq!(crossing.state(), FriendRequestState::Accepted);
    assert_eq!(friend_ids(&alice).await, [bob.id.to_vec()]);
    assert_eq!(code(alice.client.request_friend(bob.id, "").await), Code::AlreadyExists);
}

#[tokio::test]
async fn two_who_ask_each_other_at_once_become_friends_once() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let (alice, bob) = (app.person("alice").await, app.person("bob").await);
        let (one, other) =
            tokio::join!(alice.client.request_friend(bob.id, ""), bob.client.request_friend(alice.id, ""));
        one.unwrap();
        other.unwrap();
        assert_eq!(friend_ids(&alice).await, [bob.id.to_vec()]);
        assert_eq!(friend_ids(&bob).await, [alice.id.to_vec()]);
        assert_eq!(alice.with(&bob).await, bob.with(&alice).await);
    }
}

#[tokio::test]
async fn a_rejected_request_is_over_and_may_be_made_anew() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let device = alice.online().await;
    let before = alice.client.sync_me("").await.unwrap().next_token;
    let request = alice.asks(&bob).await;
    let rejected = bob.client.reject_friend(request).await.unwrap().request.unwrap();
    assert_eq!(rejected.state(), FriendRequestState::Rejected);
    // Who asked is told, at once or later.
    let told = device
        .hears("the rejection", |event| match event {
            Event::FriendRequest(view) => {
                view.request.clone().filter(|request| request.state() != FriendRequestState::Pending)
            }
            _ => None,
        })
        .await;
    assert_eq!(told, rejected);
    let news = alice.client.sync_me(&before).await.unwrap();
    assert_eq!(news.requests[0].request, Some(rejected));
    assert_eq!(friend_ids(&alice).await, Vec::<Vec<u8>>::new());
    assert_eq!(code(bob.client.accept_friend(request).await), Code::Gone);
    assert_ne!(alice.asks(&bob).await, request);
}

#[tokio::test]
async fn requests_concern_two_people_and_nobody_else() {
    let app = TestApp::start().await;
    let (alice, bob, eve) = (app.person("alice").await, app.person("bob").await, app.person("eve").await);
    let request = alice.asks(&bob).await;
    alice.client.friend_request(request).await.unwrap();
    bob.client.friend_request(request).await.unwrap();
    assert_eq!(code(eve.client.friend_request(request).await), Code::NotFound);
    assert_eq!(code(eve.client.accept_friend(request).await), Code::NotFound);
    assert_eq!(code(eve.client.reject_friend(request).await), Code::NotFound);
    // Who asked cannot say yes for the other.
    assert_eq!(code(alice.client.accept_friend(request).await), Code::NotFound);
    assert_eq!(friend_ids(&alice).await, Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn requests_to_oneself_to_nobody_or_with_a_speech_are_refused() {
    let (_app, alice) = TestApp::with_person("alice").await;
    assert_eq!(code(alice.client.request_friend(alice.id, "").await), Code::InvalidArgument);
    let nobody = UserId::new(alice.client.clock());
    assert_eq!(code(alice.client.request_friend(nobody, "").await), Code::NotFound);
    let error = alice.client.request_friend(nobody, &"x".repeat(201)).await.unwrap_err();
    assert_eq!(error.problem().unwrap().fields[0].field, "message");
}

#[tokio::test]
async fn somebody_who_was_offline_finds_everything_about_them_later() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    let before = bob.client.sync_me("").await.unwrap();
    assert_eq!(before.me.unwrap().username, bob.username);
    assert!(before.friends.is_empty() && before.requests.is_empty());

    let from_alice = alice.asks(&bob).await;
    carol.befriends(&bob).await;
    let then = bob.client.sync_me(&before.next_token).await.unwrap();
    assert!(then.me.is_none(), "the profile did not move");
    let requests: Vec<_> = then.requests.iter().map(|view| view.request.clone().unwrap().request_id).collect();
    assert!(requests.contains(&from_alice.to_vec()));
    let friends: Vec<_> = then.friends.iter().map(|view| view.friend.clone().unwrap().user_id).collect();
    assert_eq!(friends, [carol.id.to_vec()]);

    carol.client.delete_friend(bob.id).await.unwrap();
    let last = bob.client.sync_me(&then.next_token).await.unwrap();
    assert_eq!(last.removed, [carol.id.to_vec()]);
    let nothing = bob.client.sync_me(&last.next_token).await.unwrap();
    assert!(nothing.friends.is_empty() && nothing.requests.is_empty() && nothing.removed.is_empty());
}

#[tokio::test]
async fn unfriending_closes_the_conversation_and_keeps_its_history() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    alice.says(conversation, "before").await;
    let device = bob.online().await;
    alice.client.delete_friend(bob.id).await.unwrap();
    let removed = device
        .hears("the removal", |event| match event {
            Event::FriendRemoved(removed) => Some(removed.clone()),
            _ => None,
        })
        .await;
    assert_eq!(removed.user_id, alice.id.to_vec());
    assert_eq!(removed.conversation_id, conversation.to_vec());

    for person in [&alice, &bob] {
        assert_eq!(code(person.tries_to_say(conversation, "after").await), Code::NotAllowed);
        assert_eq!(texts(&person.history(conversation).await), ["before"]);
        assert!(!person.sees(conversation).await.can_send);
        assert_eq!(friend_ids(person).await, Vec::<Vec<u8>>::new());
    }
    assert_eq!(code(alice.client.delete_friend(bob.id).await), Code::NotFound);

    // Friends again: the same conversation goes on.
    assert_eq!(bob.befriends(&alice).await, conversation);
    alice.says(conversation, "again").await;
    assert_eq!(texts(&bob.history(conversation).await), ["before", "again"]);
    let entries = bob.syncs(conversation).await.entries;
    let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=entries.len() as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_accepted_request_under_a_key_is_accepted_once() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let body = serde_json::json!({ "to_user_id": bob.id, "message": "hi" });
    let first: serde_json::Value = alice.client.post_once("/v1/friend-requests", body.clone(), "k").await.unwrap();
    let again: serde_json::Value = alice.client.post_once("/v1/friend-requests", body, "k").await.unwrap();
    assert_eq!(first, again);
    let other = serde_json::json!({ "to_user_id": bob.id, "message": "something else" });
    let conflict = alice.client.post_once::<serde_json::Value>("/v1/friend-requests", other, "k").await;
    assert_eq!(code(conflict), Code::IdempotencyConflict);
}
