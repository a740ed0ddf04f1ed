//! Who sees whether somebody is online, and who cannot tell why not.

use anser_contract::v1::{GetPresenceRequest, Presence};

use super::*;

impl World {
    async fn presence(&self, seen_by: UserId, of: &[UserId]) -> Vec<Presence> {
        let request = GetPresenceRequest { user_ids: of.iter().map(|user| user.to_vec()).collect() };
        self.contact.get_presence(&by(seen_by), request).await.unwrap().items
    }

    fn goes_online(&self, user: UserId) {
        self.messaging.online.lock().insert(user.to_vec());
    }
}

#[tokio::test]
async fn friends_see_who_is_online_and_when_the_others_were() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    world.befriend(ada, eve).await;
    world.goes_online(bob);
    let mut seen = world.presence(ada, &[bob, eve, bob]).await;
    seen.sort_by_key(|presence| !presence.online);
    let online = Presence { user_id: bob.to_vec(), online: true, last_seen_at: 0 };
    assert_eq!(seen, [online, Presence { user_id: eve.to_vec(), online: false, last_seen_at: NOW - 5 }]);
    assert_eq!(world.presence(bob, &[eve]).await, [], "they are no friends of each other");
    assert_eq!(world.presence(bob, &[bob]).await, [], "nobody asks about themselves");
}

#[tokio::test]
async fn strangers_blocks_settings_and_nobody_look_alike() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.goes_online(bob);
    assert_eq!(world.presence(ada, &[bob, UserId([77; 16])]).await, []);
    world.befriend(ada, bob).await;
    assert_eq!(world.presence(ada, &[bob]).await.len(), 1);

    let block = |other: UserId| BlockRequest { user_id: other.to_vec(), ..Default::default() };
    world.contact.block(&by(bob), block(ada)).await.unwrap();
    assert_eq!((world.presence(ada, &[bob]).await, world.presence(bob, &[ada]).await), (vec![], vec![]));
    world.contact.unblock(&by(bob), block(ada)).await.unwrap();
    assert_eq!(world.presence(ada, &[bob]).await.len(), 1);

    world.people.hidden.lock().insert(bob.to_vec());
    assert_eq!(world.presence(ada, &[bob]).await, []);
    assert_eq!(world.presence(bob, &[ada]).await.len(), 1, "it hides nobody else");
    world.people.hidden.lock().clear();
    world.delete(ada, bob).await.unwrap();
    assert_eq!(world.presence(ada, &[bob]).await, []);
}

#[tokio::test]
async fn nobody_asks_about_more_than_two_hundred_or_by_what_is_no_id() {
    let world = World::new();
    let ada = world.person();
    for user_ids in [vec![vec![1; 16]; 201], vec![vec![1; 15]]] {
        let refused = world.contact.get_presence(&by(ada), GetPresenceRequest { user_ids }).await;
        assert_eq!(refused.unwrap_err().code, Code::InvalidArgument);
    }
}
