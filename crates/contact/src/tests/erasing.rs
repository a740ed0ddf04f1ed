//! What is left of somebody whose account is closed.

use super::*;

impl World {
    async fn erase(&self, user: UserId) -> usize {
        let request = ErasePersonRequest { user_id: user.to_vec() };
        let mut calls = 1;
        while self.contact.erase_person(&Context::service(), request.clone()).await.unwrap().more {
            calls += 1;
        }
        calls
    }
}

#[tokio::test]
async fn friends_lose_them_and_nothing_of_theirs_is_left() {
    let world = World::new();
    let (ada, bob, eve, kim) = (world.person(), world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    let waiting = world.ask(ada, eve).await.unwrap();
    let asked = world.ask(kim, ada).await.unwrap();
    for other in [eve, bob] {
        let request = BlockRequest { user_id: other.to_vec(), ..Default::default() };
        world.contact.block(&by(ada), request).await.unwrap();
    }
    let request = BlockRequest { user_id: ada.to_vec(), ..Default::default() };
    world.contact.block(&by(kim), request).await.unwrap();
    let request = CreateCategoryRequest { name: "work".into(), ..Default::default() };
    world.contact.create_category(&by(ada), request).await.unwrap();
    let since = world.sync(bob, 0).await.version;

    world.erase(ada).await;
    assert_eq!(world.friends(bob).await, []);
    assert_eq!(world.sync(bob, since).await.removed, [ada.to_vec()]);
    let held = world.messaging.held(ada, bob).unwrap();
    assert!(!held.friends && !held.blocked);
    assert!(world.messaging.held(ada, kim).unwrap().blocked, "what others decided stays theirs");
    let seen = world.get(eve, &waiting).await.unwrap();
    assert_eq!((seen.state(), seen.message.as_str()), (FriendRequestState::Expired, ""));
    let seen = world.get(kim, &asked).await.unwrap();
    assert_eq!((seen.state(), seen.message.as_str()), (FriendRequestState::Expired, "hello"));
    let left = world.sync(ada, 0).await;
    assert_eq!((left.friends, left.removed, left.blocks, left.unblocked), (vec![], vec![], vec![], vec![]));
    assert_eq!(left.categories, Some(FriendCategories::default()));
    assert_eq!(world.erase(ada).await, 1, "and once more finds nothing");

    let request = ErasePersonRequest { user_id: bob.to_vec() };
    assert_eq!(world.contact.erase_person(&by(ada), request).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn it_goes_on_where_messaging_went_away() {
    let world = World::with(ContactOptions { requests_a_day: 1_000, ..ContactOptions::default() });
    let ada = world.person();
    for _ in 0..120 {
        world.befriend(ada, world.person()).await;
    }
    world.messaging.lose_answers(true);
    let request = ErasePersonRequest { user_id: ada.to_vec() };
    assert!(world.contact.erase_person(&Context::service(), request).await.is_err());
    world.messaging.lose_answers(false);
    assert!(world.erase(ada).await > 2, "a bounded part at a time");
    assert_eq!(world.sync(ada, 0).await.friends, []);
    assert_eq!(world.contact.reconcile().await, Ok(0));
}
