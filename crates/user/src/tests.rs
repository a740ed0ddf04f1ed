//! What people and services can do with profiles.

use anser_contract::{
    Actor, Context,
    v1::{
        Audience, CloseProfileRequest, CreateUserRequest, Events, FollowRequest, GetMeRequest, GetPrivacyRequest,
        GetUsersRequest, ListChangedRequest, ListSeenRequest, NoteSeenRequest, OwnProfile, Privacy, PublicProfile,
        Seen, SetPhoneRequest, SyncProfileRequest, UpdatePrivacyRequest, UpdateProfileRequest, Users,
        service_event::Event,
    },
};
use anser_engine::{Db, DbOptions, Durability, outbox::Outbox};
use anser_types::{Clock, Code, Result, SessionId, UserId};
use tokio_stream::StreamExt;

use crate::{MIGRATIONS, UserOptions, UserService};

struct World {
    users: UserService,
    clock: Clock,
    db: Db,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(UserOptions::default())
    }

    fn with(options: UserOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(1_700_000_000_000);
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&store, MIGRATIONS, clock.clone()).unwrap();
        let users = UserService::new(&db, [7; 32], options, clock.clone());
        Self { users, clock, db, _dir: dir }
    }

    fn id(&self) -> UserId {
        UserId::new(&self.clock)
    }

    async fn create(&self, id: UserId, username: &str, nickname: &str) -> Result<OwnProfile> {
        let (user_id, username, nickname) = (id.to_vec(), username.into(), nickname.into());
        let request = CreateUserRequest { user_id, username, nickname, ..Default::default() };
        self.users.create_user(&Context::service(), request).await
    }
}

impl World {
    /// Everything that was told, in order.
    async fn told(&self) -> Vec<OwnProfile> {
        let follow = FollowRequest { after: 0, from_now: false };
        let mut stream = Outbox::new(&self.db).follow(&Context::service(), follow).await.unwrap();
        let batch = stream.next().await.unwrap().unwrap();
        let told = batch.items.into_iter().filter_map(|item| match item.event {
            Some(Event::UserUpdated(updated)) => updated.me,
            _ => None,
        });
        told.collect()
    }

    async fn changed(&self, after_no: i64) -> Vec<(i64, String)> {
        let request = ListChangedRequest { after_no, limit: 10 };
        let items = self.users.list_changed(&Context::service(), request).await.unwrap().items;
        items.into_iter().map(|change| (change.change_no, change.profile.unwrap().nickname)).collect()
    }
}

fn renaming(nickname: &str) -> UpdateProfileRequest {
    UpdateProfileRequest { nickname: Some(nickname.into()), ..Default::default() }
}

fn as_user(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([9; 16])), "test")
}

#[tokio::test]
async fn a_profile_is_made_once_and_answers_the_same_again() {
    let world = World::new();
    let ada = world.id();
    let first = world.create(ada, "ada", "Ada").await.unwrap();
    world.clock.advance(5_000);
    assert_eq!(world.create(ada, "ada", "Ada").await.unwrap(), first);
    assert_eq!((first.version, first.created_at), (1, 1_700_000_000_000));
    assert_eq!(world.create(ada, "eve", "Ada").await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.users.get_me(&as_user(ada), GetMeRequest {}).await.unwrap(), first);
}

#[tokio::test]
async fn only_services_make_profiles_and_only_with_a_proper_nickname() {
    let world = World::new();
    let ada = world.id();
    let (user_id, username, nickname) = (ada.to_vec(), "ada".into(), "Ada".into());
    let request = CreateUserRequest { user_id, username, nickname, ..Default::default() };
    assert_eq!(world.users.create_user(&as_user(ada), request).await.unwrap_err().code, Code::Forbidden);
    let error = world.create(ada, "ada", "").await.unwrap_err();
    assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "nickname"));
    assert_eq!(world.users.get_me(&as_user(ada), GetMeRequest {}).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn public_profiles_keep_the_order_asked_for_and_leave_out_strangers() {
    let world = World::new();
    let (ada, bob) = (world.id(), world.id());
    world.create(ada, "ada", "Ada").await.unwrap();
    world.create(bob, "bob", "Bob").await.unwrap();
    let ask = |ids: Vec<UserId>| GetUsersRequest { user_ids: ids.into_iter().map(UserId::to_vec).collect() };
    let names = |ctx: Context, ids: Vec<UserId>| {
        let users = world.users.clone();
        async move {
            let reply = users.get_users(&ctx, ask(ids)).await?;
            Ok::<_, anser_types::Error>(reply.users.into_iter().map(|user| user.nickname).collect::<Vec<_>>())
        }
    };
    assert_eq!(names(as_user(ada), vec![bob, world.id(), ada, bob]).await.unwrap(), ["Bob", "Ada", "Bob"]);
    assert_eq!(names(Context::service(), vec![ada]).await.unwrap(), ["Ada"]);
    let nobody = Context::new(Actor::Anonymous, "test");
    assert_eq!(names(nobody, vec![ada]).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(names(as_user(ada), vec![ada; 201]).await.unwrap_err().code, Code::InvalidArgument);
    let malformed = GetUsersRequest { user_ids: vec![vec![1, 2, 3]] };
    assert_eq!(world.users.get_users(&as_user(ada), malformed).await.unwrap_err().code, Code::InvalidArgument);
}

#[tokio::test]
async fn sync_tells_the_profile_only_where_it_is_news() {
    let world = World::new();
    let ada = world.id();
    let profile = world.create(ada, "ada", "Ada").await.unwrap();
    let sync = async |since| world.users.sync_profile(&as_user(ada), SyncProfileRequest { since }).await.unwrap();
    assert_eq!(sync(0).await.me, Some(profile.clone()));
    assert_eq!((sync(1).await.me, sync(1).await.version), (None, 1));
    assert_eq!(sync(7).await.me, Some(profile), "a version of another store");
}

#[tokio::test]
async fn a_profile_is_changed_told_and_numbered() {
    let world = World::new();
    let (ada, bob) = (world.id(), world.id());
    world.create(ada, "ada", "Ada").await.unwrap();
    world.create(bob, "bob", "Bob").await.unwrap();
    assert_eq!(world.changed(i64::MIN).await, [(1, "Ada".into()), (2, "Bob".into())], "so is that it was made");
    let changed = world.users.update_profile(&as_user(ada), renaming("Lady Ada")).await.unwrap();
    assert_eq!((changed.nickname.as_str(), changed.signature.as_str(), changed.version), ("Lady Ada", "", 2));
    let signature = UpdateProfileRequest { signature: Some("on the wing".into()), ..Default::default() };
    let signed = world.users.update_profile(&as_user(bob), signature).await.unwrap();
    assert_eq!((signed.nickname.as_str(), signed.signature.as_str()), ("Bob", "on the wing"));
    assert_eq!(world.told().await, [changed.clone(), signed]);
    assert_eq!(world.changed(0).await, [(3, "Lady Ada".into()), (4, "Bob".into())]);
    // The same again is no change; the next one takes the next number.
    assert_eq!(world.users.update_profile(&as_user(ada), renaming("Lady Ada")).await.unwrap(), changed);
    world.users.update_profile(&as_user(ada), renaming("Ada")).await.unwrap();
    assert_eq!(world.changed(3).await, [(4, "Bob".into()), (5, "Ada".into())]);
    let request = ListChangedRequest::default();
    assert_eq!(world.users.list_changed(&as_user(ada), request).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn a_profile_is_changed_within_its_rules_once_under_a_key_and_not_too_often() {
    let world = World::with(UserOptions { changes_an_hour: 3, ..UserOptions::default() });
    let ada = world.id();
    world.create(ada, "ada", "Ada").await.unwrap();
    let refused = async |request| world.users.update_profile(&as_user(ada), request).await.unwrap_err();
    assert_eq!(refused(renaming(" ")).await.fields[0].field, "nickname");
    let long = UpdateProfileRequest { signature: Some("x".repeat(257)), ..Default::default() };
    assert_eq!(refused(long).await.fields[0].field, "signature");

    let keyed = |name: &str| UpdateProfileRequest { idempotency_key: "k".into(), ..renaming(name) };
    world.users.update_profile(&as_user(ada), keyed("A")).await.unwrap();
    world.users.update_profile(&as_user(ada), renaming("B")).await.unwrap();
    assert_eq!(world.users.update_profile(&as_user(ada), keyed("A")).await.unwrap().nickname, "B");
    assert_eq!(refused(keyed("C")).await.code, Code::IdempotencyConflict);
    world.users.update_profile(&as_user(ada), renaming("C")).await.unwrap();
    let error = refused(renaming("D")).await;
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(20 * 60_000)));
    world.clock.advance(20 * 60_000);
    world.users.update_profile(&as_user(ada), renaming("D")).await.unwrap();
}

#[tokio::test]
async fn privacy_is_ones_own_and_has_sensible_defaults() {
    let world = World::new();
    let (ada, bob) = (world.id(), world.id());
    world.create(ada, "ada", "Ada").await.unwrap();
    let (everyone, friends, nobody) = (Audience::Everyone as i32, Audience::Friends as i32, Audience::Nobody as i32);
    let default = Privacy { find_me: everyone, request_me: everyone, presence: friends };
    let get = async |ctx: Context, user_id: Vec<u8>| world.users.get_privacy(&ctx, GetPrivacyRequest { user_id }).await;
    assert_eq!(get(as_user(ada), vec![]).await.unwrap(), default);
    let update = async |privacy: Privacy| {
        let request = UpdatePrivacyRequest { privacy: Some(privacy), ..Default::default() };
        world.users.update_privacy(&as_user(ada), request).await
    };
    let hidden = Privacy { find_me: nobody, ..default };
    assert_eq!(update(Privacy { find_me: nobody, ..Privacy::default() }).await.unwrap(), hidden);
    assert_eq!(get(Context::service(), ada.to_vec()).await.unwrap(), hidden);
    assert_eq!(world.told().await[0].privacy, Some(hidden));
    assert_eq!(world.changed(1).await, [], "nobody else is told");
    update(hidden).await.unwrap();
    assert_eq!(world.told().await.len(), 1, "the same again is no change");

    for wrong in [
        Privacy { find_me: friends, ..Privacy::default() },
        Privacy { presence: everyone, ..Privacy::default() },
        Privacy { request_me: 9, ..Privacy::default() },
    ] {
        assert_eq!(update(wrong).await.unwrap_err().code, Code::InvalidArgument);
    }
    assert_eq!(get(as_user(bob), ada.to_vec()).await.unwrap_err().code, Code::NotFound);
    assert_eq!(get(Context::service(), bob.to_vec()).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn of_a_closed_account_only_that_is_left() {
    let world = World::new();
    let ada = world.id();
    world.create(ada, "ada", "Ada").await.unwrap();
    let request = CloseProfileRequest { user_id: ada.to_vec() };
    assert_eq!(world.users.close_profile(&as_user(ada), request.clone()).await.unwrap_err().code, Code::Forbidden);
    for _ in 0..2 {
        world.users.close_profile(&Context::service(), request.clone()).await.unwrap();
    }
    let asked = GetUsersRequest { user_ids: vec![ada.to_vec()] };
    let seen = world.users.get_users(&Context::service(), asked).await.unwrap().users;
    assert_eq!(seen, [PublicProfile { user_id: ada.to_vec(), closed: true, ..Default::default() }]);
    assert_eq!(world.changed(0).await, [(2, String::new())], "friends are told once");
    assert_eq!(world.users.get_me(&as_user(ada), GetMeRequest {}).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.users.update_profile(&as_user(ada), renaming("Ada")).await.unwrap_err().code, Code::NotFound);
    let privacy = GetPrivacyRequest { user_id: ada.to_vec() };
    assert_eq!(world.users.get_privacy(&Context::service(), privacy).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn when_somebody_was_seen_goes_only_forward_and_only_to_friends_who_may_know() {
    let world = World::new();
    let (ada, bob) = (world.id(), UserId([7; 16]));
    world.create(ada, "ada", "Ada").await.unwrap();
    let service = Context::service();
    let seen = async || {
        let request = ListSeenRequest { user_ids: vec![ada.to_vec(), bob.to_vec()] };
        let items = world.users.list_seen(&service, request).await.unwrap().items;
        items.into_iter().map(|seen| (seen.user_id, seen.at)).collect::<Vec<_>>()
    };
    let note = async |at: i64| {
        let items = [ada, bob].map(|user| Seen { user_id: user.to_vec(), at }).to_vec();
        world.users.note_seen(&service, NoteSeenRequest { items }).await.unwrap();
    };
    assert_eq!(seen().await, [(ada.to_vec(), 0)], "nobody else is there");
    note(500).await;
    note(400).await;
    assert_eq!(seen().await, [(ada.to_vec(), 500)]);
    let version = world.users.get_me(&as_user(ada), GetMeRequest {}).await.unwrap().version;
    assert_eq!(version, 1, "a profile does not change by it");

    let hide = |presence: Audience| UpdatePrivacyRequest {
        privacy: Some(Privacy { presence: presence.into(), ..Privacy::default() }),
        ..Default::default()
    };
    world.users.update_privacy(&as_user(ada), hide(Audience::Nobody)).await.unwrap();
    assert_eq!(seen().await, []);
    world.users.update_privacy(&as_user(ada), hide(Audience::Friends)).await.unwrap();
    assert_eq!(seen().await, [(ada.to_vec(), 500)]);
    world.users.close_profile(&service, CloseProfileRequest { user_id: ada.to_vec() }).await.unwrap();
    note(600).await;
    assert_eq!(seen().await, []);
    let db = world.db.scoped("user");
    let kept = db.read(|reader| reader.number("SELECT COUNT(*) FROM user_profile WHERE last_seen_at > 0", &[]));
    assert_eq!(kept.await.unwrap(), 0, "nothing is kept of a closed account");
    let asked = ListSeenRequest { user_ids: vec![ada.to_vec()] };
    assert_eq!(world.users.list_seen(&as_user(bob), asked).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn a_phone_number_is_its_owners_to_see() {
    let world = World::new();
    let ada = world.id();
    let (user_id, phone) = (ada.to_vec(), "+8613800138000".to_owned());
    let request = CreateUserRequest { user_id, username: "ada".into(), nickname: "Ada".into(), phone: phone.clone() };
    assert_eq!(world.users.create_user(&Context::service(), request).await.unwrap().phone, phone);
    let set = |ctx: Context, phone: &str| {
        let (users, request) = (world.users.clone(), SetPhoneRequest { user_id: ada.to_vec(), phone: phone.into() });
        async move { users.set_phone(&ctx, request).await.map(|_| ()).map_err(|error| error.code) }
    };
    assert_eq!(set(as_user(ada), "+8613800138001").await, Err(Code::Forbidden));
    set(Context::service(), &phone).await.unwrap();
    assert!(world.told().await.is_empty(), "nothing changed");
    set(Context::service(), "+8613800138001").await.unwrap();
    let told = world.told().await;
    assert_eq!(told.iter().map(|me| (me.phone.as_str(), me.version)).collect::<Vec<_>>(), [("+8613800138001", 2)]);
    assert_eq!(world.changed(1).await, [], "friends have nothing to be told");
    let shown = world.users.get_users(&as_user(ada), GetUsersRequest { user_ids: vec![ada.to_vec()] }).await.unwrap();
    assert!(!format!("{shown:?}").contains("138"));
    let request = CloseProfileRequest { user_id: ada.to_vec() };
    world.users.close_profile(&Context::service(), request).await.unwrap();
    assert_eq!(set(Context::service(), &phone).await, Err(Code::NotFound));
    let db = world.db.scoped("user");
    let left = db.read(|reader| reader.row("SELECT phone FROM user_profile", &[], |row| row.text(0))).await;
    assert_eq!(left, Ok(Some(String::new())));
}
