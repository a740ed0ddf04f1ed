//! The person with exactly this user name, after normalisation.

use anser_contract::{
    Actor, Context,
    v1::{FindByUsernameReply, FindByUsernameRequest},
};
use anser_types::{Action, Error, Result, Standing, authorise};

use crate::{AuthService, store, username::Username};

pub(crate) async fn find_by_username(
    auth: &AuthService,
    ctx: &Context,
    request: FindByUsernameRequest,
) -> Result<FindByUsernameReply> {
    if ctx.actor != Actor::Service {
        ctx.user()?;
        authorise(Action::ReadProfile, Standing::Person)?;
    }
    let nobody = || Error::not_found("user");
    // What cannot be a name is nobody's name.
    let name = Username::parse(&request.username, auth.options.username_bytes).map_err(|_| nobody())?;
    let account = auth.db.read(move |reader| store::account_by_name(reader, &name.key)).await?;
    let account = account.filter(|account| account.active).ok_or_else(nobody)?;
    Ok(FindByUsernameReply { user_id: account.user.to_vec() })
}
