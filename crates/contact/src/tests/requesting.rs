//! Asking for friendship.

use super::*;

#[tokio::test]
async fn both_people_see_a_request_and_are_told_of_it() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    assert_eq!(request.state(), FriendRequestState::Pending);
    assert_eq!((request.message.as_str(), request.created_at), ("hello", NOW));
    assert_eq!(request.expires_at, NOW + 30 * DAY);
    assert_eq!(world.requests(ada, true).await, vec![request.clone()]);
    assert_eq!(world.requests(bob, false).await, vec![request.clone()]);
    assert_eq!((world.requests(ada, false).await, world.requests(bob, true).await), (vec![], vec![]));
    for user in [ada, bob] {
        assert_eq!(world.get(user, &request).await, Ok(request.clone()));
    }
    let told: Vec<_> = world.told().await.into_iter().map(|told| (told.user_id, told.version, told.request)).collect();
    assert_eq!(told, [(ada.to_vec(), 1, Some(request.clone())), (bob.to_vec(), 1, Some(request))]);
}

#[tokio::test]
async fn a_repeat_is_the_same_request() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let first = world.ask(ada, bob).await.unwrap();
    world.clock.advance(1_000);
    let other_words = RequestFriendRequest { message: "please".into(), ..asking(bob) };
    assert_eq!(world.contact.request_friend(&by(ada), other_words).await, Ok(first));
    assert_eq!(world.told().await.len(), 2);
}

#[tokio::test]
async fn an_idempotency_key_is_one_request_even_after_it_was_answered() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    let keyed = |to| RequestFriendRequest { idempotency_key: "key".into(), ..asking(to) };
    let first = world.contact.request_friend(&by(ada), keyed(bob)).await.unwrap();
    world.reject(bob, &first).await.unwrap();
    let again = world.contact.request_friend(&by(ada), keyed(bob)).await.unwrap();
    assert_eq!((again.request_id, again.state), (first.request_id, FriendRequestState::Rejected.into()));
    let other = world.contact.request_friend(&by(ada), keyed(eve)).await;
    assert_eq!(other.unwrap_err().code, Code::IdempotencyConflict);
    assert!(world.contact.request_friend(&by(eve), keyed(bob)).await.is_ok(), "keys are each person's own");
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let refused = async |request: RequestFriendRequest| {
        let error = world.contact.request_friend(&by(ada), request).await.unwrap_err();
        (error.code, error.fields.first().map(|field| field.field.clone()).unwrap_or_default())
    };
    assert_eq!(refused(asking(ada)).await, (Code::InvalidArgument, "to_user_id".into()));
    let nobody = RequestFriendRequest::default();
    assert_eq!(refused(nobody).await, (Code::InvalidArgument, "to_user_id".into()));
    assert_eq!(refused(asking(UserId([3; 16]))).await, (Code::NotFound, String::new()));
    let long = RequestFriendRequest { message: "é".repeat(101), ..asking(bob) };
    assert_eq!(refused(long).await, (Code::InvalidArgument, "message".into()));
    let just_right = RequestFriendRequest { message: "é".repeat(100), ..asking(bob) };
    assert!(world.contact.request_friend(&by(ada), just_right).await.is_ok());
    let anonymous = Context::new(Actor::Anonymous, "test");
    let error = world.contact.request_friend(&anonymous, asking(bob)).await.unwrap_err();
    assert_eq!(error.code, Code::Unauthenticated);
}

#[tokio::test]
async fn nobody_asks_more_than_fifty_people_a_day() {
    let world = World::new();
    let ada = world.person();
    for _ in 0..50 {
        world.clock.advance(1_000);
        world.ask(ada, world.person()).await.unwrap();
    }
    let bob = world.person();
    let error = world.ask(ada, bob).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some((DAY - 49_000) as u64)));
    world.clock.advance(DAY - 49_000);
    world.ask(ada, bob).await.unwrap();
}

#[tokio::test]
async fn an_unanswered_request_expires_and_makes_room_for_another() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let old = world.ask(ada, bob).await.unwrap();
    world.clock.advance(30 * DAY);
    // Seen at once, whether or not the row was touched.
    assert_eq!(world.get(bob, &old).await.unwrap().state(), FriendRequestState::Expired);
    assert_eq!(world.accept(bob, &old).await.unwrap_err().code, Code::Gone);
    assert_eq!(world.reject(bob, &old).await.unwrap_err().code, Code::Gone);
    let new = world.ask(ada, bob).await.unwrap();
    assert_ne!(new.request_id, old.request_id);

    world.clock.advance(30 * DAY);
    assert_eq!(crate::expire::expire(&world.contact).await, Ok(1));
    assert_eq!(crate::expire::expire(&world.contact).await, Ok(0));
    let (pending, expired) = (FriendRequestState::Pending, FriendRequestState::Expired);
    let told: Vec<_> = world.told().await.into_iter().map(|told| told.request.unwrap().state()).collect();
    assert_eq!(told, [pending, pending, expired, expired, pending, pending, expired, expired]);
}

#[tokio::test]
async fn only_the_person_asked_answers_and_nobody_else_looks() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    for outsider in [eve, ada] {
        assert_eq!(world.accept(outsider, &request).await.unwrap_err().code, Code::NotFound);
        assert_eq!(world.reject(outsider, &request).await.unwrap_err().code, Code::NotFound);
    }
    assert_eq!(world.get(eve, &request).await.unwrap_err().code, Code::NotFound);
    let unknown = FriendRequest { request_id: vec![5; 16], ..Default::default() };
    assert_eq!(world.get(ada, &unknown).await.unwrap_err().code, Code::NotFound);
    let malformed = FriendRequest::default();
    assert_eq!(world.accept(bob, &malformed).await.unwrap_err().code, Code::InvalidArgument);
}

#[tokio::test]
async fn a_rejection_is_told_and_final() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    let rejected = world.reject(bob, &request).await.unwrap();
    assert_eq!(rejected.state(), FriendRequestState::Rejected);
    assert_eq!(world.reject(bob, &request).await, Ok(rejected.clone()));
    assert_eq!(world.accept(bob, &request).await.unwrap_err().code, Code::Gone);
    let told = world.told().await;
    assert_eq!(told[2..].iter().map(|told| &told.user_id[..]).collect::<Vec<_>>(), [ada.as_bytes(), bob.as_bytes()]);
    assert!(told[2..].iter().all(|told| told.request.as_ref() == Some(&rejected) && told.version == 2));
    assert_eq!(world.messaging.held(ada, bob), None, "messaging never heard of it");
    assert!(world.ask(ada, bob).await.is_ok(), "one may ask again");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new();
    let ada = world.person();
    for _ in 0..7 {
        world.clock.advance(1);
        world.ask(ada, world.person()).await.unwrap();
    }
    let whole = world.requests(ada, true).await;
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let request = ListRequestsRequest { sent: true, limit: 3, cursor };
        let page = world.contact.list_requests(&by(ada), request).await.unwrap();
        assert!(page.items.len() <= 3);
        paged.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
        let foreign = ListRequestsRequest { sent: false, limit: 3, cursor: cursor.clone() };
        let error = world.contact.list_requests(&by(ada), foreign).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
    }
    assert_eq!(paged, whole);
    assert!(whole.is_sorted_by(|a, b| a.created_at >= b.created_at), "newest first");
}
