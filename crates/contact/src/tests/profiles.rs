//! Friends hear of changed profiles, and who may be found and asked.

use super::*;

impl World {
    /// Somebody changes their nickname in the user service.
    fn renames(&self, user: UserId, nickname: &str) {
        let mut changes = self.people.changes.lock();
        changes.retain(|change| change.profile.as_ref().unwrap().user_id != user.to_vec());
        let change_no = self.people.last_change.fetch_add(1, Ordering::Relaxed) + 1;
        let profile = PublicProfile { user_id: user.to_vec(), nickname: nickname.into(), ..Default::default() };
        changes.push(ProfileChange { change_no, profile: Some(profile) });
    }

    async fn find(&self, me: UserId, username: &str) -> Result<Vec<u8>> {
        let request = FindPersonRequest { username: username.into(), ..Default::default() };
        self.contact.find_person(&by(me), request).await.map(|found| found.user_id)
    }
}

#[tokio::test]
async fn a_number_finds_whom_a_name_finds() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    world.people.numbers.lock().insert("+8613800138000".into(), ada.to_vec());
    let find = async |me: UserId, username: &str, phone: &str| {
        let request = FindPersonRequest { username: username.into(), phone: phone.into() };
        world.contact.find_person(&by(me), request).await.map(|found| found.user_id).map_err(|error| error.code)
    };
    assert_eq!(find(eve, "", "+8613800138000").await, Ok(ada.to_vec()));
    assert_eq!(find(eve, "", "+8613800138001").await, Err(Code::NotFound));
    assert_eq!(find(eve, "ada", "+8613800138000").await, Err(Code::InvalidArgument));
    world.people.hidden.lock().insert(ada.to_vec());
    assert_eq!(find(eve, "", "+8613800138000").await, Err(Code::NotFound));
    assert_eq!(find(bob, "", "+8613800138000").await, Ok(ada.to_vec()), "friends find each other");
}

#[tokio::test]
async fn friends_are_told_of_a_profile_and_find_it_later() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    world.befriend(bob, eve).await;
    let (adas, eves) = (world.sync(ada, 0).await.version, world.sync(eve, 0).await.version);
    let before = world.told().await.len();
    world.renames(bob, "Bobby");
    crate::spread_profiles::spread_all(&world.contact).await.unwrap();
    let told = world.told().await.split_off(before);
    let names: Vec<_> = told.iter().map(|told| told.profile.as_ref().unwrap().nickname.as_str()).collect();
    assert_eq!(names, ["Bobby", "Bobby"]);
    assert_eq!(
        told.iter().map(|told| told.user_id.clone()).collect::<HashSet<_>>(),
        HashSet::from([ada.to_vec(), eve.to_vec()])
    );
    for (user, since) in [(ada, adas), (eve, eves)] {
        let news = world.sync(user, since).await;
        assert_eq!(news.friends.iter().map(|friend| friend.user_id.clone()).collect::<Vec<_>>(), [bob.to_vec()]);
        assert!(told.iter().any(|told| told.user_id == user.to_vec() && told.version == news.version));
    }
    crate::spread_profiles::spread_all(&world.contact).await.unwrap();
    assert_eq!(world.told().await.len(), before + 2, "once for each change");

    // Friends no more: nothing to tell.
    world.delete(ada, bob).await.unwrap();
    let after = world.sync(ada, 0).await.version;
    world.renames(bob, "Robert");
    crate::spread_profiles::spread_all(&world.contact).await.unwrap();
    assert_eq!(world.sync(ada, 0).await.version, after);
}

#[tokio::test]
async fn a_persons_many_friends_are_told_in_steps_that_go_on_where_they_were() {
    let world = World::with(ContactOptions { requests_a_day: 1_000, ..ContactOptions::default() });
    let ada = world.person();
    let mut friends = Vec::new();
    for _ in 0..210 {
        let friend = world.person();
        world.befriend(ada, friend).await;
        friends.push((friend, world.sync(friend, 0).await.version));
    }
    world.renames(ada, "Ada L.");
    assert_eq!(crate::spread_profiles::spread(&world.contact).await, Ok(true));
    let mut heard = 0;
    for (friend, before) in &friends {
        heard += world.sync(*friend, 0).await.version - before;
    }
    assert_eq!(heard, 200);
    // Another change begins anew: who heard of the first hears of the second, and so do the others.
    world.renames(ada, "Lady Ada");
    crate::spread_profiles::spread_all(&world.contact).await.unwrap();
    for (friend, before) in &friends {
        let versions = world.sync(*friend, 0).await.version - before;
        assert!((1..=2).contains(&versions), "{versions}");
        let heard = world.contact.sync_contacts(&by(*friend), SyncContactsRequest { since: *before }).await.unwrap();
        assert_eq!(heard.friends.len(), 1);
    }
    assert_eq!(crate::spread_profiles::spread(&world.contact).await, Ok(false));
}

#[tokio::test]
async fn who_lets_nobody_find_them_is_found_by_friends_only() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    world.people.names.lock().insert("ada".into(), ada.to_vec());
    assert_eq!(world.find(eve, "ada").await, Ok(ada.to_vec()));
    world.people.hidden.lock().insert(ada.to_vec());
    let (hidden, unknown) = (world.find(eve, "ada").await, world.find(eve, "nobody").await);
    assert_eq!(hidden.as_ref().unwrap_err().code, Code::NotFound);
    assert_eq!(hidden, unknown, "word for word");
    assert_eq!(world.find(bob, "ada").await, Ok(ada.to_vec()));
    assert_eq!(world.find(ada, "ada").await, Ok(ada.to_vec()));
}

#[tokio::test]
async fn blocked_people_do_not_find_their_blocker_and_the_hidden_are_found_by_friends() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    world.befriend(ada, bob).await;
    let finds = async |me: UserId| {
        let user_ids = [ada, bob, eve, UserId([99; 16])].map(UserId::to_vec).to_vec();
        world.contact.list_findable(&by(me), v1::ListFindableRequest { user_ids }).await.unwrap().user_ids
    };
    let ids = |people: &[UserId]| people.iter().map(|user| user.to_vec()).collect::<Vec<_>>();
    assert_eq!(finds(eve).await, ids(&[ada, bob, eve]), "who is not there is not found");
    world.people.hidden.lock().insert(ada.to_vec());
    assert_eq!(finds(eve).await, ids(&[bob, eve]));
    assert_eq!(finds(bob).await, ids(&[ada, bob, eve]));
    assert_eq!(finds(ada).await, ids(&[ada, bob, eve]), "oneself, and who has not blocked");
    let block = BlockRequest { user_id: bob.to_vec(), ..Default::default() };
    world.contact.block(&by(ada), block).await.unwrap();
    assert_eq!(finds(bob).await, ids(&[bob, eve]), "friends or not");
    assert_eq!(finds(ada).await, ids(&[ada, bob, eve]), "the blocker finds whom they block");
}

#[tokio::test]
async fn who_lets_nobody_ask_is_asked_only_by_whom_they_asked() {
    let world = World::new();
    let (ada, bob, eve) = (world.person(), world.person(), world.person());
    let earlier = world.ask(eve, ada).await.unwrap();
    world.people.hidden.lock().insert(ada.to_vec());
    let refused = world.ask(bob, ada).await.unwrap_err();
    assert_eq!(refused.code, Code::NotAllowed);
    assert_eq!(world.ask(eve, ada).await, Ok(earlier.clone()), "what was asked before waits");
    world.accept(ada, &earlier).await.unwrap();
    let request = world.ask(ada, bob).await.unwrap();
    let crossing = world.ask(bob, ada).await.unwrap();
    assert_eq!((crossing.request_id.clone(), crossing.state()), (request.request_id, FriendRequestState::Accepted));
}
