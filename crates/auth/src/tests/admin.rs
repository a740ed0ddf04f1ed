//! What an operator does with accounts, and what that leaves to everybody else.

use anser_contract::v1::{
    AccountAdmin, AccountState, FindAccountRequest, ImportAccountRequest, ListAccountsRequest, ListSessionsOfRequest,
    ProfileAdmin, RenameAccountRequest, ResetPasswordRequest, RevokeSessionsRequest, SetDisabledRequest,
    SetUsernameReply, SetUsernameRequest,
};
use anser_types::Code;

use super::*;
use crate::AccountKeeper;

/// Where people see names; away when the profiles are.
struct Names(Arc<Profiles>);

#[async_trait::async_trait]
impl ProfileAdmin for Names {
    async fn set_username(&self, _: &Context, request: SetUsernameRequest) -> Result<SetUsernameReply> {
        if self.0.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("away"));
        }
        self.0.made.lock().get_mut(&request.user_id).unwrap().username = request.username;
        Ok(SetUsernameReply {})
    }
}

fn keeper(world: &World) -> Arc<AccountKeeper> {
    AccountKeeper::new(world.auth.clone(), Arc::new(Names(world.users.clone())))
}

fn operator() -> Context {
    Context::service()
}

fn disabled(user: UserId, disabled: bool) -> SetDisabledRequest {
    SetDisabledRequest { user_id: user.to_vec(), disabled }
}

fn renaming(from: &str, to: &str) -> RenameAccountRequest {
    RenameAccountRequest { username: from.into(), new_username: to.into() }
}

fn code<T: std::fmt::Debug>(outcome: Result<T>) -> Code {
    outcome.unwrap_err().code
}

#[tokio::test]
async fn a_disabled_account_is_as_if_it_were_not_there() {
    let world = World::new();
    let keeper = keeper(&world);
    let ada = world.register("Ada").await;
    let (phone, laptop) = (world.login("Ada", 1).await, world.login("Ada", 2).await);
    let account = keeper.set_disabled(&operator(), disabled(ada, true)).await.unwrap();
    assert_eq!((account.state(), account.sessions), (AccountState::Disabled, 0));
    let ended = world.told().await;
    assert_eq!(ended.len(), 2);
    assert!(ended.iter().all(|(_, reason)| reason == "account_disabled"));
    for token in [phone, laptop] {
        let refused = world.auth.refresh(&anonymous(), RefreshRequest { refresh_token: token.refresh_token }).await;
        assert_eq!(code(refused), Code::Unauthenticated);
    }
    let hashes = world.auth.hasher.count.load(Ordering::Relaxed);
    let known = world.auth.login(&anonymous(), login("Ada", 1)).await.unwrap_err();
    let unknown = world.auth.login(&anonymous(), login("Nobody", 1)).await.unwrap_err();
    assert_eq!(known, unknown, "in words");
    assert_eq!(world.auth.hasher.count.load(Ordering::Relaxed), hashes + 2, "and in work");
    assert_eq!(code(world.auth.register(&anonymous(), registration("ada")).await), Code::AlreadyExists);

    keeper.set_disabled(&operator(), disabled(ada, false)).await.unwrap();
    world.login("Ada", 1).await;
    keeper.set_disabled(&operator(), disabled(ada, false)).await.unwrap();
}

#[tokio::test]
async fn a_new_name_is_free_or_refused_and_a_rename_that_stopped_goes_on() {
    let world = World::new();
    let keeper = keeper(&world);
    let ada = world.register("Ada").await;
    world.register("Grace").await;
    assert_eq!(code(keeper.rename_account(&operator(), renaming("Ada", "GRACE")).await), Code::AlreadyExists);
    assert_eq!(code(keeper.rename_account(&operator(), renaming("Ada", "b\nad")).await), Code::InvalidArgument);
    assert_eq!(code(keeper.rename_account(&operator(), renaming("Nobody", "Else")).await), Code::NotFound);

    world.users.away.store(true, Ordering::Relaxed);
    assert_eq!(code(keeper.rename_account(&operator(), renaming("Ada", "Countess")).await), Code::Unavailable);
    world.users.away.store(false, Ordering::Relaxed);
    let account = keeper.rename_account(&operator(), renaming("Ada", "Countess")).await.unwrap();
    assert_eq!((&account.name[..], &account.user_id[..]), ("countess", ada.as_bytes()));
    assert_eq!(world.users.made.lock()[&ada.to_vec()].username, "Countess");
    assert_eq!(code(keeper.rename_account(&operator(), renaming("Ada", "Countess")).await), Code::NotFound);
    // Another spelling of the same name, and the old name for somebody else.
    keeper.rename_account(&operator(), renaming("countess", "COUNTESS")).await.unwrap();
    world.register("Ada").await;
    let request = LoginRequest { password: password("Ada"), ..login("Countess", 1) };
    world.auth.login(&anonymous(), request).await.unwrap();
}

#[tokio::test]
async fn a_reset_password_ends_every_session() {
    let world = World::new();
    let keeper = keeper(&world);
    let ada = world.register("Ada").await;
    world.login("Ada", 1).await;
    let request = ResetPasswordRequest { user_id: ada.to_vec(), password: "a new one".into() };
    assert_eq!(keeper.reset_password(&operator(), request.clone()).await.unwrap().sessions, 0);
    assert_eq!(world.told().await[0].1, "password_reset");
    assert_eq!(code(world.auth.login(&anonymous(), login("Ada", 1)).await), Code::Unauthenticated);
    let right = LoginRequest { password: "a new one".into(), ..login("Ada", 1) };
    world.auth.login(&anonymous(), right).await.unwrap();
    let short = ResetPasswordRequest { password: "no".into(), ..request };
    assert_eq!(code(keeper.reset_password(&operator(), short).await), Code::InvalidArgument);
}

#[tokio::test]
async fn sessions_are_revoked_one_by_one_or_all_at_once() {
    let world = World::new();
    let keeper = keeper(&world);
    let ada = world.register("Ada").await;
    world.register("Grace").await;
    let phone = world.login("Ada", 1).await;
    world.login("Ada", 2).await;
    world.login("Grace", 1).await;
    let one = RevokeSessionsRequest { session_id: phone.session_id, ..RevokeSessionsRequest::default() };
    assert_eq!(keeper.revoke_sessions(&operator(), one.clone()).await.unwrap().revoked, 1);
    assert_eq!(keeper.revoke_sessions(&operator(), one.clone()).await.unwrap().revoked, 0, "again");
    let of = ListSessionsOfRequest { user_id: ada.to_vec() };
    assert_eq!(keeper.list_sessions_of(&operator(), of).await.unwrap().items.len(), 1);
    let both = RevokeSessionsRequest { all: true, ..one };
    assert_eq!(code(keeper.revoke_sessions(&operator(), both).await), Code::InvalidArgument);
    let all = RevokeSessionsRequest { all: true, ..RevokeSessionsRequest::default() };
    let reply = keeper.revoke_sessions(&operator(), all).await.unwrap();
    assert_eq!((reply.revoked, reply.more), (2, false));
}

#[tokio::test]
async fn an_account_comes_from_elsewhere_once_with_its_id_and_its_password() {
    let (there, here) = (World::new(), World::new());
    let ada = there.register("Ada").await;
    let hash = anser_contract::v1::GetPasswordHashRequest { user_id: ada.to_vec() };
    let password_hash = keeper(&there).get_password_hash(&operator(), hash).await.unwrap().password_hash;
    let keeper = keeper(&here);
    let request = ImportAccountRequest {
        user_id: ada.to_vec(),
        username: "Ada".into(),
        password_hash,
        ..ImportAccountRequest::default()
    };
    here.users.away.store(true, Ordering::Relaxed);
    assert_eq!(code(keeper.import_account(&operator(), request.clone()).await), Code::Unavailable);
    here.users.away.store(false, Ordering::Relaxed);
    assert!(!keeper.import_account(&operator(), request.clone()).await.unwrap().was_there);
    assert!(keeper.import_account(&operator(), request.clone()).await.unwrap().was_there);
    here.login("Ada", 1).await;

    let same_name = ImportAccountRequest { user_id: vec![9; 16], ..request.clone() };
    assert_eq!(code(keeper.import_account(&operator(), same_name).await), Code::AlreadyExists);
    let same_id = ImportAccountRequest { username: "Other".into(), ..request.clone() };
    assert_eq!(code(keeper.import_account(&operator(), same_id).await), Code::AlreadyExists);
    let no_hash = ImportAccountRequest { user_id: vec![8; 16], password_hash: "secret".into(), ..request };
    assert_eq!(code(keeper.import_account(&operator(), no_hash).await), Code::InvalidArgument);
}

#[tokio::test]
async fn accounts_are_found_and_listed_and_only_for_the_operator() {
    let world = World::new();
    let keeper = keeper(&world);
    for name in ["Carol", "alice", "BOB"] {
        world.register(name).await;
    }
    let names = async |after: &str, limit| {
        let request = ListAccountsRequest { after: after.into(), limit };
        let page = keeper.list_accounts(&operator(), request).await.unwrap();
        (page.items.into_iter().map(|account| account.name).collect::<Vec<_>>(), page.has_more)
    };
    assert_eq!(names("", 2).await, (vec!["alice".to_owned(), "bob".into()], true));
    assert_eq!(names("bob", 2).await, (vec!["carol".to_owned()], false));
    let request = FindAccountRequest { username: "ALICE".into(), ..FindAccountRequest::default() };
    assert_eq!(keeper.find_account(&operator(), request.clone()).await.unwrap().name, "alice");
    assert_eq!(code(keeper.find_account(&anonymous(), request).await), Code::Forbidden);
}
