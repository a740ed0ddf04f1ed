//! Another password for whoever holds the phone of an account, or the first one. Every session of theirs ends.

use anser_contract::{
    Context,
    v1::{CodePurpose, ResetByPhoneReply, ResetByPhoneRequest},
};
use anser_types::{Error, Result};

use crate::{
    AuthService, Source, codes, password,
    session::{self, End},
    store,
};

pub(crate) async fn reset_password(
    auth: &AuthService,
    ctx: &Context,
    request: ResetByPhoneRequest,
) -> Result<ResetByPhoneReply> {
    let code = codes::shown(auth, request.code, CodePurpose::ResetPassword, None)?;
    password::check_new(&auth.options, &request.new_password)?;
    if let Some(ip) = ctx.client_ip {
        auth.logins_by_ip.take(Source::of(ip), auth.clock.now())?;
    }
    let tried = codes::try_code(auth, code).await?;
    let new_hash = auth.hasher.hash(request.new_password, ctx.deadline).await?;
    let now = auth.clock.now();
    auth.db
        .write(move |tx| {
            tried.spend(tx, now)?;
            let account = store::account_by_phone(tx, tried.code.phone.as_str())?.filter(|account| account.active);
            let account = account.ok_or_else(|| Error::not_found("account"))?;
            store::set_password(tx, account.user, &new_hash)?;
            session::end_all(tx, account.user, End::PasswordReset, now)
        })
        .await?;
    Ok(ResetByPhoneReply {})
}
