//! What a device learns that was away.

use super::*;

#[tokio::test]
async fn a_device_learns_what_moved_since_it_looked() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    assert_eq!(world.sync(ada, 0).await, SyncContactsReply::default());
    let request = world.befriend(ada, bob).await;
    let all = world.sync(ada, 0).await;
    assert_eq!((all.version, all.has_more), (2, false));
    assert_eq!((all.requests, all.friends.len()), (vec![request], 1));
    assert_eq!(world.sync(ada, 2).await, SyncContactsReply { version: 2, ..Default::default() });

    let from_eve = world.ask(eve, ada).await.unwrap();
    world.delete(bob, ada).await.unwrap();
    let news = world.sync(ada, 2).await;
    assert_eq!(news.version, 4);
    assert_eq!((news.requests, news.friends, news.removed), (vec![from_eve], vec![], vec![bob.to_vec()]));
    assert_eq!(world.sync(eve, 0).await.version, 1, "versions are each person's own");
}

#[tokio::test]
async fn a_version_that_was_never_given_syncs_everything() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    assert_eq!(world.sync(ada, 1_000).await, world.sync(ada, 0).await);
    let request = SyncContactsRequest { since: -1 };
    assert_eq!(world.contact.sync_contacts(&by(ada), request).await.unwrap_err().code, Code::InvalidArgument);
}

#[tokio::test]
async fn much_news_comes_in_pages() {
    let world = World::with(ContactOptions { requests_a_day: 1_000, ..ContactOptions::default() });
    let ada = world.person();
    for index in 0..150 {
        let other = world.person();
        if index % 2 == 0 {
            world.befriend(ada, other).await
        } else {
            world.befriend(other, ada).await
        };
    }
    let mut since = 0;
    let (mut requests, mut friends, mut pages) = (HashSet::new(), HashSet::new(), 0);
    loop {
        let page = world.sync(ada, since).await;
        assert!(page.requests.len() + page.friends.len() <= 200);
        assert!(page.version > since);
        requests.extend(page.requests.into_iter().map(|request| request.request_id));
        friends.extend(page.friends.into_iter().map(|friend| friend.user_id));
        (since, pages) = (page.version, pages + 1);
        if !page.has_more {
            break;
        }
    }
    assert_eq!((requests.len(), friends.len(), pages), (150, 150, 2));
    assert_eq!(since, 300);
}
