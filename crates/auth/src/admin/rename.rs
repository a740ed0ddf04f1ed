//! Another user name. Accounts know how names are compared, profiles how they are shown: the account is renamed first,
//! because it decides whether the name is free; the same call again finishes what stopped between the two.

use anser_contract::{
    Context,
    v1::{Account, GetUsersRequest, RenameAccountRequest, SetUsernameRequest},
};
use anser_engine::Tx;
use anser_types::{Error, Result, Timestamp, UserId};

use super::{AccountKeeper, usable};
use crate::{AuthService, change_username, store, username::Username};

pub(crate) async fn rename(keeper: &AccountKeeper, ctx: &Context, request: RenameAccountRequest) -> Result<Account> {
    ctx.require_service()?;
    let auth = &keeper.auth;
    let nobody = || Error::not_found("account");
    let old = Username::parse(&request.username, auth.options.username_bytes).map_err(|_| nobody())?;
    let new = Username::parse(&request.new_username, auth.options.username_bytes)
        .map_err(|error| Error::field("new_username", error.fields.first().map_or("", |field| &field.detail)))?;
    let user = match half_renamed(auth, ctx, &old, &new).await? {
        Some(user) => user,
        None => {
            let (old, new, now) = (old.key.clone(), new.key.clone(), auth.clock.now());
            auth.db.write(move |tx| change(tx, &old, &new, now)).await?
        }
    };
    let shown = SetUsernameRequest { user_id: user.to_vec(), username: new.shown };
    keeper.profiles.set_username(ctx, shown).await?;
    auth.db.read(move |reader| usable(reader, user)).await
}

/// Who has the new name already and is still shown under the old one.
async fn half_renamed(auth: &AuthService, ctx: &Context, old: &Username, new: &Username) -> Result<Option<UserId>> {
    let (from, to) = (old.key.clone(), new.key.clone());
    let found = auth
        .db
        .read(move |reader| Ok((store::account_by_name(reader, &from)?, store::account_by_name(reader, &to)?)))
        .await?;
    let (None, Some(renamed)) = found else { return Ok(None) };
    let asked = GetUsersRequest { user_ids: vec![renamed.user.to_vec()] };
    let shown = auth.users.get_users(ctx, asked).await?.users.into_iter().next();
    let shown = shown.and_then(|profile| Username::parse(&profile.username, auth.options.username_bytes).ok());
    Ok(shown.filter(|shown| shown.key == old.key).map(|_| renamed.user))
}

fn change(tx: &mut Tx<'_>, old: &str, new: &str, now: Timestamp) -> Result<UserId> {
    let user = store::account_by_name(tx, old)?.ok_or_else(|| Error::not_found("account"))?.user;
    usable(tx, user)?;
    change_username::rename(tx, user, new, now)?;
    Ok(user)
}
