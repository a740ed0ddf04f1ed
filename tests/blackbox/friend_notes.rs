//! What people note about their friends: remarks and categories, on all their devices and nobody else's.

use anser_client::v1::{Friend, event::Event};
use anser_tests::{Person, TestApp, code};
use anser_types::{Code, FriendCategoryId};

async fn only_friend(person: &Person) -> Friend {
    person.client.friends(0, "").await.unwrap().items.remove(0).friend.unwrap()
}

#[tokio::test]
async fn a_remark_and_a_category_reach_ones_own_devices_only() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let phone = alice.on_another_device().await.online().await;
    let (before, bobs_before) =
        (alice.client.sync_me("").await.unwrap().next_token, bob.client.sync_me("").await.unwrap().next_token);
    let work = alice.client.create_friend_category("work").await.unwrap();
    let id = FriendCategoryId::try_from(&work.category_id[..]).unwrap();
    let noted = alice.client.note_friend(bob.id, Some("Bobby"), Some(&id.to_string())).await.unwrap();
    assert_eq!(noted.profile.unwrap().username, bob.username);
    let friend = noted.friend.unwrap();
    assert_eq!((friend.remark.as_str(), &friend.category_id), ("Bobby", &work.category_id));

    let categories = phone
        .hears("the category", |event| match event {
            Event::FriendCategories(categories) => Some(categories.clone()),
            _ => None,
        })
        .await;
    assert_eq!(categories.items, std::slice::from_ref(&work));
    let changed = phone
        .hears("the note", |event| match event {
            Event::FriendChanged(changed) => changed.friend.clone(),
            _ => None,
        })
        .await;
    assert_eq!(changed.friend.unwrap(), friend);

    let news = alice.client.sync_me(&before).await.unwrap();
    assert_eq!(news.categories.unwrap().items, [work]);
    assert_eq!(news.friends[0].friend, Some(friend));
    let bobs = bob.client.sync_me(&bobs_before).await.unwrap();
    assert!(bobs.friends.is_empty() && bobs.categories.is_none(), "the friend learns nothing");
    assert_eq!(only_friend(&bob).await.remark, "");
}

#[tokio::test]
async fn a_category_is_renamed_and_deleted_and_its_friends_remain() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let work = alice.client.create_friend_category("work").await.unwrap();
    let id = FriendCategoryId::try_from(&work.category_id[..]).unwrap();
    alice.client.note_friend(bob.id, None, Some(&id.to_string())).await.unwrap();
    assert_eq!(code(alice.client.create_friend_category("work").await), Code::AlreadyExists);
    assert_eq!(alice.client.rename_friend_category(id, "job").await.unwrap().name, "job");
    assert_eq!(only_friend(&alice).await.category_id, work.category_id);
    assert_eq!(code(bob.client.rename_friend_category(id, "mine").await), Code::NotFound);

    alice.client.delete_friend_category(id).await.unwrap();
    assert_eq!(only_friend(&alice).await.category_id, Vec::<u8>::new());
    assert!(alice.client.friend_categories().await.unwrap().items.is_empty());
    assert_eq!(code(alice.client.note_friend(bob.id, None, Some(&id.to_string())).await), Code::NotFound);
    assert_eq!(code(bob.client.note_friend(bob.id, Some("me"), None).await), Code::NotFound);
}
