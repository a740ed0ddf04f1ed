//! The two steps of a decision, and what happens between them.

use super::*;

#[tokio::test]
async fn nobody_sees_a_friendship_before_messaging_knows_of_it() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    world.messaging.go(true);
    assert_eq!(world.accept(bob, &request).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(world.get(ada, &request).await.unwrap().state(), FriendRequestState::Pending);
    assert_eq!((world.friends(ada).await, world.told().await.len()), (vec![], 2));
    assert_eq!(world.contact.reconcile().await.unwrap_err().code, Code::Unavailable);

    world.messaging.go(false);
    assert_eq!(world.contact.reconcile().await, Ok(1));
    assert_eq!(world.contact.reconcile().await, Ok(0));
    let accepted = world.get(ada, &request).await.unwrap();
    assert_eq!(accepted.state(), FriendRequestState::Accepted);
    assert_eq!(accepted.conversation_id, world.messaging.held(ada, bob).unwrap().conversation);
    let told = world.told().await;
    assert!(told[2..].iter().all(|told| told.added_friend.is_some()) && told.len() == 4);
}

#[tokio::test]
async fn whoever_comes_back_finishes_what_was_begun() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    world.messaging.lose_answers(true);
    assert_eq!(world.accept(bob, &request).await.unwrap_err().code, Code::DeadlineExceeded);
    assert!(world.reject(bob, &request).await.is_err(), "the decision stands");
    assert!(world.delete(ada, bob).await.is_err(), "and the next one waits");
    world.messaging.lose_answers(false);
    assert_eq!(world.accept(bob, &request).await.unwrap().state(), FriendRequestState::Accepted);

    world.messaging.lose_answers(true);
    assert!(world.delete(ada, bob).await.is_err());
    assert_eq!(world.friends(ada).await.len(), 1);
    world.messaging.lose_answers(false);
    world.delete(ada, bob).await.unwrap();
    assert_eq!(world.friends(bob).await, []);

    world.messaging.go(true);
    let again = world.ask(bob, ada).await.unwrap();
    assert!(world.accept(ada, &again).await.is_err());
    world.messaging.go(false);
    assert_eq!(world.ask(ada, bob).await.unwrap_err().code, Code::AlreadyExists, "they are friends");
    assert_eq!(world.friends(bob).await.len(), 1);
}

#[tokio::test]
async fn a_friend_can_be_removed_whose_friendship_is_not_settled() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    world.messaging.lose_answers(true);
    assert!(world.accept(bob, &request).await.is_err());
    world.messaging.lose_answers(false);
    world.delete(ada, bob).await.unwrap();
    assert_eq!(world.friends(ada).await, []);
    assert_eq!(world.get(ada, &request).await.unwrap().state(), FriendRequestState::Accepted);
    assert_eq!(world.messaging.held(ada, bob).unwrap().version, 2);
}

#[tokio::test]
async fn the_service_finishes_by_itself() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    let request = world.ask(ada, bob).await.unwrap();
    let forgotten = world.ask(ada, eve).await.unwrap();
    world.messaging.go(true);
    assert!(world.accept(bob, &request).await.is_err());
    world.messaging.go(false);
    world.clock.advance(30 * DAY);

    let mut emitted = world.db.emitted();
    let task = world.contact.start();
    while world.told().await.len() < 8 {
        emitted.changed().await.unwrap();
    }
    task.abort();
    assert_eq!(world.friends(ada).await.len(), 1);
    assert_eq!(world.get(eve, &forgotten).await.unwrap().state(), FriendRequestState::Expired);
}
