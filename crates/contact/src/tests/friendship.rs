//! Becoming friends, being friends, no longer being friends.

use super::*;

#[tokio::test]
async fn accepting_makes_friends_with_a_conversation() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    world.clock.advance(5_000);
    let accepted = world.accept(bob, &request).await.unwrap();
    assert_eq!(accepted.state(), FriendRequestState::Accepted);
    let held = world.messaging.held(ada, bob).unwrap();
    assert_eq!((held.version, held.friends), (1, true));
    assert_eq!(accepted.conversation_id, held.conversation);
    for (user, other) in [(ada, bob), (bob, ada)] {
        let friend = Friend {
            user_id: other.to_vec(),
            since_at: NOW + 5_000,
            conversation_id: held.conversation.clone(),
            ..Friend::default()
        };
        assert_eq!(world.friends(user).await, vec![friend.clone()]);
        let told = world.told().await.into_iter().rfind(|told| told.user_id == user.to_vec()).unwrap();
        assert_eq!(told.version, 2);
        assert_eq!((told.request, told.added_friend), (Some(accepted.clone()), Some(friend)));
    }
    assert_eq!(world.accept(bob, &request).await, Ok(accepted), "again is the same");
    assert_eq!(world.reject(bob, &request).await.unwrap_err().code, Code::Gone);
    assert_eq!(world.ask(ada, bob).await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.ask(bob, ada).await.unwrap_err().code, Code::AlreadyExists);
}

#[tokio::test]
async fn crossing_requests_make_friends_at_once() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    let crossing = world.ask(bob, ada).await.unwrap();
    assert_eq!(crossing.request_id, request.request_id);
    assert_eq!(crossing.state(), FriendRequestState::Accepted);
    assert!(!crossing.conversation_id.is_empty());
    assert_eq!(world.friends(ada).await.len(), 1);
}

#[tokio::test]
async fn requests_that_cross_in_the_same_moment_make_friends_once() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let tries: Vec<_> = (0..16)
        .map(|index| {
            let contact = world.contact.clone();
            let (from, to) = if index % 2 == 0 { (ada, bob) } else { (bob, ada) };
            tokio::spawn(async move { contact.request_friend(&by(from), asking(to)).await })
        })
        .collect();
    let mut ids = HashSet::new();
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(request) => _ = ids.insert(request.request_id),
            Err(error) => assert!(matches!(error.code, Code::AlreadyExists | Code::Unavailable), "{error}"),
        }
    }
    assert_eq!(ids.len(), 1);
    world.contact.reconcile().await.unwrap();
    assert_eq!((world.friends(ada).await.len(), world.friends(bob).await.len()), (1, 1));
    assert_eq!(world.messaging.held(ada, bob).unwrap().version, 1);
}

#[tokio::test]
async fn ending_a_friendship_is_told_to_messaging_and_to_the_other() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let accepted = world.befriend(ada, bob).await;
    world.delete(ada, bob).await.unwrap();
    let held = world.messaging.held(ada, bob).unwrap();
    assert_eq!((held.version, held.friends), (2, false));
    for (user, other) in [(ada, bob), (bob, ada)] {
        assert_eq!(world.friends(user).await, []);
        let told = world.told().await.into_iter().rfind(|told| told.user_id == user.to_vec()).unwrap();
        assert_eq!((told.version, told.removed_friend), (3, other.to_vec()));
        assert_eq!((told.request, told.added_friend), (None, None));
    }
    assert_eq!(world.delete(ada, bob).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.delete(bob, ada).await.unwrap_err().code, Code::NotFound);

    world.clock.advance(1_000);
    let again = world.befriend(bob, ada).await;
    assert_ne!(again.request_id, accepted.request_id);
    assert_eq!(again.conversation_id, accepted.conversation_id, "their history goes on");
    assert_eq!(world.messaging.held(ada, bob).unwrap().version, 3);
    assert_eq!(world.friends(ada).await[0].since_at, NOW + 1_000);
}

#[tokio::test]
async fn ending_what_never_was_is_not_found() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    assert_eq!(world.delete(ada, bob).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.delete(ada, ada).await.unwrap_err().code, Code::NotFound);
    world.ask(ada, bob).await.unwrap();
    assert_eq!(world.delete(ada, bob).await.unwrap_err().code, Code::NotFound, "asking is not being");
}

#[tokio::test]
async fn ending_under_a_key_is_ending_once() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    let request = DeleteFriendRequest { user_id: bob.to_vec(), idempotency_key: "key".into() };
    for _ in 0..2 {
        world.contact.delete_friend(&by(ada), request.clone()).await.unwrap();
    }
    world.befriend(ada, bob).await;
    world.contact.delete_friend(&by(ada), request).await.unwrap();
    assert_eq!(world.friends(ada).await.len(), 1, "the old key does not end the new friendship");
}

#[tokio::test]
async fn nobody_has_too_many_friends() {
    let world = World::with(ContactOptions { friends_a_user: 2, ..ContactOptions::default() });
    let (ada, bob, eve, kim) = (world.person(), world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    world.befriend(eve, ada).await;
    let request = world.ask(kim, ada).await.unwrap();
    assert_eq!(world.accept(ada, &request).await.unwrap_err().code, Code::LimitExceeded, "the one who accepts");
    assert_eq!(world.ask(ada, kim).await.unwrap_err().code, Code::LimitExceeded, "crossing is no way round");
    let other_way = world.ask(bob, kim).await.unwrap();
    world.accept(kim, &other_way).await.unwrap();
    let full = world.ask(bob, eve).await.unwrap();
    assert_eq!(world.accept(eve, &full).await.unwrap_err().code, Code::LimitExceeded, "the one who asked");
    world.delete(bob, ada).await.unwrap();
    world.accept(eve, &full).await.unwrap();
    world.accept(ada, &request).await.unwrap();
}

#[tokio::test]
async fn friends_come_in_pages() {
    let world = World::new();
    let ada = world.person();
    for _ in 0..5 {
        world.clock.advance(1);
        world.befriend(ada, world.person()).await;
    }
    let page = |limit, cursor: &str| {
        let request = ListFriendsRequest { limit, cursor: cursor.into() };
        let contact = world.contact.clone();
        async move { contact.list_friends(&by(ada), request).await }
    };
    let first = page(2, "").await.unwrap();
    let second = page(2, &first.next_cursor).await.unwrap();
    let third = page(2, &second.next_cursor).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), third.items.len()), (2, 2, 1));
    assert_eq!(third.next_cursor, "");
    let pages: Vec<_> = [first.items, second.items, third.items].concat();
    assert_eq!(pages, world.friends(ada).await);
    assert_eq!(page(2, "nonsense").await.unwrap_err().code, Code::InvalidArgument);
    assert_eq!(page(0, "").await.unwrap().items.len(), 5);
}
