//! An account as another installation knew it: under the same id, so that what else comes from there finds its people.
//! Made as when registering: the name is claimed, the profile is made, the account becomes active.

use anser_contract::{
    Context,
    v1::{Account, AccountState, CreateUserRequest, ImportAccountReply, ImportAccountRequest},
};
use anser_engine::Tx;
use anser_types::{Code, Error, Result, Timestamp, UserId};

use crate::{
    AuthService, password,
    register::{activate, release, take, taken},
    store,
    username::Username,
};

pub(crate) async fn import(
    auth: &AuthService,
    ctx: &Context,
    request: ImportAccountRequest,
) -> Result<ImportAccountReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    let name = Username::parse(&request.username, auth.options.username_bytes)?;
    if request.password_hash.is_empty() {
        password::check(&auth.options, &request.password)?;
    } else {
        password::check_hash(&request.password_hash)?;
    }
    auth.db.growth_allowed()?;
    let key = name.key.clone();
    let there = auth.db.read(move |reader| known(reader, &key, user)).await?;
    if let Some(account) = there {
        return Ok(ImportAccountReply { account: Some(account), was_there: true });
    }
    let hash = match request.password_hash {
        hash if hash.is_empty() => auth.hasher.hash(request.password, ctx.deadline).await?,
        hash => hash,
    };
    let (key, now) = (name.key.clone(), auth.clock.now());
    auth.db.write(move |tx| claim(tx, &key, user, &hash, now)).await?;
    let profile = CreateUserRequest {
        user_id: user.to_vec(),
        username: name.shown.clone(),
        nickname: if request.nickname.is_empty() { name.shown.clone() } else { request.nickname },
        phone: String::new(),
    };
    if let Err(error) = auth.users.create_user(ctx, profile).await {
        if !error.retryable() {
            release(auth, &name, user).await;
        }
        return Err(error);
    }
    activate(auth, &name, user).await?;
    let account = auth.db.read(move |reader| super::usable(reader, user)).await?;
    Ok(ImportAccountReply { account: Some(account), was_there: false })
}

/// The account, if it is here under this name and this id.
fn known(reader: &anser_engine::Reader<'_>, key: &str, user: UserId) -> Result<Option<Account>> {
    let found = store::listed_by_name(reader, key)?.filter(|account| account.user_id == user.as_bytes());
    Ok(found.filter(|account| matches!(account.state(), AccountState::Active | AccountState::Disabled)))
}

fn claim(tx: &mut Tx<'_>, key: &str, user: UserId, hash: &str, now: Timestamp) -> Result<()> {
    if let Some(other) = store::listed_by_id(tx, user)? {
        if other.name != key {
            return Err(Error::new(Code::AlreadyExists, "this id is another account's here"));
        }
        if other.state() != AccountState::Pending {
            return Err(taken());
        }
        // An attempt of before that did not come to its end.
        store::delete_pending(tx, key, user)?;
    }
    take(tx, key, user, hash, None, now)
}
