//! Another password for somebody who lost theirs, or should no longer come in with it. Every session of theirs ends.

use anser_contract::{
    Context,
    v1::{Account, ResetPasswordRequest},
};
use anser_types::{Result, UserId};

use super::usable;
use crate::{
    AuthService, password,
    session::{self, End},
    store,
};

pub(crate) async fn reset_password(
    auth: &AuthService,
    ctx: &Context,
    request: ResetPasswordRequest,
) -> Result<Account> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    password::check(&auth.options, &request.password)?;
    let hash = auth.hasher.hash(request.password, ctx.deadline).await?;
    let now = auth.clock.now();
    auth.db
        .write(move |tx| {
            usable(tx, user)?;
            store::set_password(tx, user, &hash)?;
            session::end_all(tx, user, End::PasswordReset, now)?;
            usable(tx, user)
        })
        .await
}
