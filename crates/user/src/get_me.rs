//! The caller's own profile.

use anser_contract::{Context, v1::OwnProfile};
use anser_types::{Action, Error, Result, Standing, authorise};

use crate::{UserService, store};

pub(crate) async fn get_me(service: &UserService, ctx: &Context) -> Result<OwnProfile> {
    let user = ctx.user()?;
    authorise(Action::ReadOwnProfile, Standing::Own)?;
    service.db.read(move |reader| store::profile(reader, user)).await?.ok_or_else(|| Error::not_found("profile"))
}
