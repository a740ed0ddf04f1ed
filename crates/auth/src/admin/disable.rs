//! Disabling an account, and enabling it again. To everybody else a disabled account looks like none: a login is refused
//! with the words and at the cost of an unknown name, whatever the password.

use anser_contract::{
    Context,
    v1::{Account, SetDisabledRequest},
};
use anser_types::{Result, UserId};

use super::usable;
use crate::{
    AuthService,
    session::{self, End},
    store,
};

pub(crate) async fn set_disabled(auth: &AuthService, ctx: &Context, request: SetDisabledRequest) -> Result<Account> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    let now = auth.clock.now();
    auth.db
        .write(move |tx| {
            usable(tx, user)?;
            store::set_disabled(tx, user, request.disabled)?;
            if request.disabled {
                session::end_all(tx, user, End::AccountDisabled, now)?;
            }
            usable(tx, user)
        })
        .await
}
