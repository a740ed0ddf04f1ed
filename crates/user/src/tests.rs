//! What people and services can do with profiles.

use anser_contract::{
    Actor, Context,
    v1::{CreateUserRequest, GetMeRequest, GetUsersRequest, OwnProfile, SyncProfileRequest, Users},
};
use anser_engine::{Db, DbOptions, Durability};
use anser_types::{Clock, Code, Result, SessionId, UserId};

use crate::{MIGRATIONS, UserOptions, UserService};

struct World {
    users: UserService,
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(1_700_000_000_000);
        let options = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&options, MIGRATIONS, clock.clone()).unwrap();
        Self { users: UserService::new(&db, UserOptions::default(), clock.clone()), clock, _dir: dir }
    }

    fn id(&self) -> UserId {
        UserId::new(&self.clock)
    }

    async fn create(&self, id: UserId, username: &str, nickname: &str) -> Result<OwnProfile> {
        let request = CreateUserRequest { user_id: id.to_vec(), username: username.into(), nickname: nickname.into() };
        self.users.create_user(&Context::service(), request).await
    }
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
    let request = CreateUserRequest { user_id: ada.to_vec(), username: "ada".into(), nickname: "Ada".into() };
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
