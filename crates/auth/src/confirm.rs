//! Asking somebody who is logged in for their password once more, before what cannot be undone.

use anser_contract::Context;
use anser_engine::Tx;
use anser_types::{Code, Error, Result, UserId};

use crate::{
    AuthService, Source, password,
    store::{self, OwnAccount},
    unauthenticated,
};

/// The caller's account, if `password` is theirs. Limited like logins, under the same name.
pub(crate) async fn confirm(auth: &AuthService, ctx: &Context, password: String) -> Result<OwnAccount> {
    let me = ctx.user()?;
    password::check_length(&auth.options, &password)?;
    let now = auth.clock.now();
    if let Some(ip) = ctx.client_ip {
        auth.logins_by_ip.take(Source::of(ip), now)?;
    }
    let account = auth.db.read(move |reader| store::account_of(reader, me)).await?;
    let account = account.ok_or_else(|| unauthenticated("the account is closed"))?;
    auth.logins_by_name.take(account.name_key.clone(), now)?;
    // Who has no password confirms nothing by one; the first is set by a code sent to the phone.
    let hash = Some(account.password_hash.clone()).filter(|hash| !hash.is_empty());
    let right = auth.hasher.verify(password, hash, ctx.deadline).await?;
    if right { Ok(account) } else { Err(wrong()) }
}

/// Refuses to go on where the password was changed or the account closed since it was confirmed.
pub(crate) fn ensure_still(tx: &Tx<'_>, me: UserId, confirmed: &OwnAccount) -> Result<()> {
    let now = store::account_of(tx, me)?;
    if now.is_some_and(|now| now.password_hash == confirmed.password_hash) { Ok(()) } else { Err(wrong()) }
}

fn wrong() -> Error {
    Error::new(Code::Forbidden, "the password is wrong")
}
