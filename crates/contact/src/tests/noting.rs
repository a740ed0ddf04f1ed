//! What people note about their friends: remarks and categories, for themselves only.

use super::*;

impl World {
    async fn remark(&self, me: UserId, friend: UserId, remark: &str) -> Result<Friend> {
        let request =
            UpdateFriendRequest { user_id: friend.to_vec(), remark: Some(remark.into()), ..Default::default() };
        self.contact.update_friend(&by(me), request).await
    }

    async fn put_into(&self, me: UserId, friend: UserId, category_id: &[u8]) -> Result<Friend> {
        let category = Some(InCategory { category_id: category_id.to_vec() });
        let request = UpdateFriendRequest { user_id: friend.to_vec(), category, ..Default::default() };
        self.contact.update_friend(&by(me), request).await
    }

    async fn category(&self, me: UserId, name: &str) -> Result<FriendCategory> {
        self.clock.advance(1);
        let request = CreateCategoryRequest { name: name.into(), ..Default::default() };
        self.contact.create_category(&by(me), request).await
    }

    async fn rename(&self, me: UserId, category: &FriendCategory, name: &str) -> Result<FriendCategory> {
        let category_id = category.category_id.clone();
        let request = RenameCategoryRequest { category_id, name: name.into(), ..Default::default() };
        self.contact.rename_category(&by(me), request).await
    }

    async fn delete_category(&self, me: UserId, category: &FriendCategory) -> Result<()> {
        let request = DeleteCategoryRequest { category_id: category.category_id.clone(), ..Default::default() };
        self.contact.delete_category(&by(me), request).await.map(|_| ())
    }

    async fn categories(&self, of: UserId) -> Vec<String> {
        let listed = self.contact.list_categories(&by(of), ListCategoriesRequest {}).await.unwrap();
        listed.items.into_iter().map(|category| category.name).collect()
    }
}

#[tokio::test]
async fn a_remark_is_seen_by_its_writer_only() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    let before = world.told().await.len();
    let friend = world.remark(ada, bob, "from the chess club").await.unwrap();
    assert_eq!((friend.user_id.clone(), friend.remark.as_str()), (bob.to_vec(), "from the chess club"));
    assert_eq!(world.friends(ada).await, vec![friend.clone()]);
    assert_eq!(world.sync(ada, 2).await.friends, vec![friend.clone()]);
    assert_eq!((world.friends(bob).await[0].remark.as_str(), world.sync(bob, 2).await.friends.len()), ("", 0));
    let told = world.told().await.split_off(before);
    assert_eq!(told.len(), 1, "the friend is told nothing");
    assert_eq!((told[0].user_id.clone(), &told[0].changed_friend), (ada.to_vec(), &Some(friend)));

    world.remark(ada, bob, "from the chess club").await.unwrap();
    assert_eq!(world.told().await.len(), before + 1, "the same again is no change");
    assert_eq!(world.remark(ada, bob, "").await.unwrap().remark, "");
}

#[tokio::test]
async fn remarks_are_about_friends_and_short() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    assert_eq!(world.remark(ada, eve, "who?").await.unwrap_err().code, Code::NotFound);
    for bad in ["x".repeat(65), "a\nb".into()] {
        let error = world.remark(ada, bob, &bad).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "remark"));
    }
    world.remark(ada, bob, "Bobby").await.unwrap();
    world.delete(ada, bob).await.unwrap();
    assert_eq!(world.remark(ada, bob, "gone").await.unwrap_err().code, Code::NotFound);
    world.befriend(ada, bob).await;
    assert_eq!(world.friends(ada).await[0].remark, "", "what was noted ended with the friendship");
}

#[tokio::test]
async fn a_friend_is_in_one_category_at_most_and_stays_through_its_new_name() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    let (work, chess) = (world.category(ada, "work").await.unwrap(), world.category(ada, "chess").await.unwrap());
    world.put_into(ada, bob, &work.category_id).await.unwrap();
    world.remark(ada, bob, "Bobby").await.unwrap();
    let friend = world.put_into(ada, bob, &chess.category_id).await.unwrap();
    assert_eq!((friend.category_id, friend.remark.as_str()), (chess.category_id.clone(), "Bobby"));
    assert_eq!(world.rename(ada, &chess, "go").await.unwrap().name, "go");
    assert_eq!(world.friends(ada).await[0].category_id, chess.category_id);
    assert_eq!(world.put_into(ada, bob, &[]).await.unwrap().category_id, Vec::<u8>::new());
    assert_eq!(world.categories(ada).await, ["work", "go"]);
    assert_eq!(world.categories(bob).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_category_leaves_its_friends_in_none() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    let work = world.category(ada, "work").await.unwrap();
    world.put_into(ada, bob, &work.category_id).await.unwrap();
    let since = world.sync(ada, 0).await.version;
    world.delete_category(ada, &work).await.unwrap();
    assert_eq!(world.friends(ada).await[0].category_id, Vec::<u8>::new());
    let news = world.sync(ada, since).await;
    assert_eq!((news.categories, news.friends), (Some(FriendCategories::default()), vec![]));
    assert_eq!(world.told().await.pop().unwrap().categories, Some(FriendCategories::default()));
    for refused in [
        world.delete_category(ada, &work).await.unwrap_err(),
        world.rename(ada, &work, "job").await.unwrap_err(),
        world.put_into(ada, bob, &work.category_id).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, Code::NotFound);
    }
}

#[tokio::test]
async fn categories_are_each_persons_own_bounded_and_named_apart() {
    let world = World::with(ContactOptions { categories_a_user: 2, ..ContactOptions::default() });
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    let work = world.category(ada, "work").await.unwrap();
    assert_eq!(world.category(ada, "work").await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.category(ada, " ").await.unwrap_err().code, Code::InvalidArgument);
    let chess = world.category(ada, "chess").await.unwrap();
    assert_eq!(world.category(ada, "more").await.unwrap_err().code, Code::LimitExceeded);
    assert_eq!(world.rename(ada, &chess, "work").await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.rename(ada, &chess, "chess").await.unwrap(), chess, "its own name is free for it");
    for refused in [
        world.put_into(bob, ada, &work.category_id).await.unwrap_err(),
        world.rename(bob, &work, "mine").await.unwrap_err(),
        world.delete_category(bob, &work).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, Code::NotFound, "another person's category does not exist");
    }
    let malformed = world.put_into(ada, bob, &[1, 2]).await.unwrap_err();
    assert_eq!((malformed.code, malformed.fields[0].field.as_str()), (Code::InvalidArgument, "category_id"));
}

#[tokio::test]
async fn notes_under_a_key_are_made_once() {
    let world = World::new();
    let (ada, bob) = (world.person(), world.person());
    world.befriend(ada, bob).await;
    let keyed = |name: &str| CreateCategoryRequest { name: name.into(), idempotency_key: "key".into() };
    let first = world.contact.create_category(&by(ada), keyed("work")).await.unwrap();
    assert_eq!(world.contact.create_category(&by(ada), keyed("work")).await, Ok(first));
    let other = world.contact.create_category(&by(ada), keyed("play")).await;
    assert_eq!(other.unwrap_err().code, Code::IdempotencyConflict);

    let noting = |remark: Option<&str>| UpdateFriendRequest {
        user_id: bob.to_vec(),
        remark: remark.map(str::to_owned),
        idempotency_key: "note".into(),
        ..Default::default()
    };
    world.contact.update_friend(&by(ada), noting(Some("Bobby"))).await.unwrap();
    world.remark(ada, bob, "Robert").await.unwrap();
    let again = world.contact.update_friend(&by(ada), noting(Some("Bobby"))).await.unwrap();
    assert_eq!(again.remark, "Robert", "the key's change was made long ago");
    let empty = world.contact.update_friend(&by(ada), noting(None)).await;
    assert_eq!(empty.unwrap_err().code, Code::IdempotencyConflict);
}
