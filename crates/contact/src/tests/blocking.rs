//! Blocking: silent, between friends and between strangers, and what it closes.

use super::*;

impl World {
    async fn block(&self, me: UserId, other: UserId) -> Result<Block> {
        let request = BlockRequest { user_id: other.to_vec(), ..Default::default() };
        self.contact.block(&by(me), request).await
    }

    async fn unblock(&self, me: UserId, other: UserId) -> Result<()> {
        let request = BlockRequest { user_id: other.to_vec(), ..Default::default() };
        self.contact.unblock(&by(me), request).await.map(|_| ())
    }

    async fn blocks(&self, of: UserId) -> Vec<Block> {
        let request = ListBlocksRequest { limit: 200, cursor: String::new() };
        self.contact.list_blocks(&by(of), request).await.unwrap().items
    }
}

#[tokio::test]
async fn a_block_is_seen_by_who_made_it_and_told_to_messaging() {
    let world = World::new();
    let (ada, eve) = (world.person(), world.person());
    let block = world.block(ada, eve).await.unwrap();
    assert_eq!((block.user_id.clone(), block.since_at), (eve.to_vec(), NOW));
    assert_eq!((world.blocks(ada).await, world.blocks(eve).await), (vec![block.clone()], vec![]));
    let held = world.messaging.held(eve, ada).unwrap();
    assert_eq!((held.version, held.friends, held.blocked), (1, false, true));
    let told = world.told().await;
    assert_eq!(told.len(), 1, "who is blocked is told nothing");
    assert_eq!((told[0].user_id.clone(), &told[0].added_block), (ada.to_vec(), &Some(block.clone())));
    assert_eq!(world.sync(ada, 0).await.blocks, vec![block.clone()]);
    assert_eq!(world.sync(eve, 0).await, SyncContactsReply::default());

    world.clock.advance(1_000);
    assert_eq!(world.block(ada, eve).await, Ok(block), "again is the same");
    world.unblock(ada, eve).await.unwrap();
    assert!(!world.messaging.held(ada, eve).unwrap().blocked);
    assert_eq!((world.blocks(ada).await, world.sync(ada, 1).await.unblocked), (vec![], vec![eve.to_vec()]));
    assert_eq!(world.unblock(ada, eve).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.told().await.iter().filter(|told| told.user_id == eve.to_vec()).count(), 0);
}

#[tokio::test]
async fn friends_who_block_each_other_stay_friends() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    world.block(ada, bob).await.unwrap();
    world.block(bob, ada).await.unwrap();
    assert_eq!((world.friends(ada).await.len(), world.friends(bob).await.len()), (1, 1));
    world.unblock(ada, bob).await.unwrap();
    let held = world.messaging.held(ada, bob).unwrap();
    assert!(held.friends && held.blocked, "bob still blocks her");
    world.unblock(bob, ada).await.unwrap();
    assert!(!world.messaging.held(ada, bob).unwrap().blocked);

    // Ending the friendship leaves the block.
    world.block(ada, bob).await.unwrap();
    world.delete(bob, ada).await.unwrap();
    let held = world.messaging.held(ada, bob).unwrap();
    assert!(!held.friends && held.blocked);
    assert_eq!((world.blocks(ada).await.len(), world.friends(ada).await), (1, vec![]));
}

#[tokio::test]
async fn while_one_blocks_the_other_neither_asks_for_friendship() {
    let world = World::new();
    let (ada, eve) = (world.person(), world.person());
    let asked = world.ask(eve, ada).await.unwrap();
    world.block(ada, eve).await.unwrap();
    assert_eq!(world.get(eve, &asked).await, Ok(asked.clone()), "what was asked before looks as it did");
    for (from, to) in [(eve, ada), (ada, eve)] {
        assert_eq!(world.ask(from, to).await.unwrap_err().code, Code::NotAllowed);
    }
    assert_eq!(world.accept(ada, &asked).await.unwrap_err().code, Code::NotAllowed);
    assert_eq!(world.friends(ada).await, []);
    world.unblock(ada, eve).await.unwrap();
    world.accept(ada, &asked).await.unwrap();
    assert_eq!(world.friends(eve).await.len(), 1);
}

#[tokio::test]
async fn one_blocks_people_who_are_there_and_not_too_many() {
    let world = World::with(ContactOptions { blocks_a_user: 2, ..ContactOptions::default() });
    let (ada, bob, eve, kim) = (world.person(), world.person(), world.person(), world.person());
    assert_eq!(world.block(ada, ada).await.unwrap_err().code, Code::InvalidArgument);
    assert_eq!(world.block(ada, UserId([3; 16])).await.unwrap_err().code, Code::NotFound);
    world.block(ada, bob).await.unwrap();
    world.block(ada, eve).await.unwrap();
    assert_eq!(world.block(ada, kim).await.unwrap_err().code, Code::LimitExceeded);
    world.block(kim, ada).await.unwrap();
    world.unblock(ada, bob).await.unwrap();
    world.block(ada, kim).await.unwrap();

    let page = ListBlocksRequest { limit: 1, cursor: String::new() };
    let first = world.contact.list_blocks(&by(ada), page).await.unwrap();
    let page = ListBlocksRequest { limit: 1, cursor: first.next_cursor };
    let second = world.contact.list_blocks(&by(ada), page).await.unwrap();
    assert_eq!([first.items, second.items].concat(), world.blocks(ada).await);
    assert_eq!(second.next_cursor, "");
}

#[tokio::test]
async fn a_block_is_not_seen_before_messaging_knows_and_is_finished_by_whoever_comes_back() {
    let world = World::new();
    let (ada, eve) = (world.person(), world.person());
    world.messaging.go(true);
    assert_eq!(world.block(ada, eve).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(world.blocks(ada).await, []);
    world.messaging.go(false);
    assert_eq!(world.contact.reconcile().await, Ok(1));
    assert_eq!(world.blocks(ada).await.len(), 1);

    world.messaging.lose_answers(true);
    assert!(world.unblock(ada, eve).await.is_err());
    assert_eq!(world.blocks(ada).await.len(), 1);
    world.messaging.lose_answers(false);
    world.unblock(ada, eve).await.unwrap();
    assert_eq!(world.blocks(ada).await, []);
    // A decision about something else is not mistaken for one's own.
    world.messaging.lose_answers(true);
    assert!(world.block(ada, eve).await.is_err());
    world.messaging.lose_answers(false);
    assert_eq!(world.delete(ada, eve).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.unblock(eve, ada).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.blocks(ada).await.len(), 1);
}

#[tokio::test]
async fn blocking_under_a_key_is_blocking_once() {
    let world = World::new();
    let (ada, eve) = (world.person(), world.person());
    let keyed = BlockRequest { user_id: eve.to_vec(), idempotency_key: "key".into() };
    let block = world.contact.block(&by(ada), keyed.clone()).await.unwrap();
    assert_eq!(world.contact.block(&by(ada), keyed.clone()).await, Ok(block));
    world.unblock(ada, eve).await.unwrap();
    assert_eq!(world.contact.block(&by(ada), keyed).await.unwrap_err().code, Code::Gone);
    assert_eq!(world.blocks(ada).await, []);
}
