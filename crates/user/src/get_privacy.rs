//! Who may do what about a person: for that person, and for services that obey it.

use anser_contract::{
    Actor, Context,
    v1::{GetPrivacyRequest, Privacy},
};
use anser_types::{Action, Error, Result, Standing, UserId, authorise};

use crate::{UserService, store};

pub(crate) async fn get_privacy(service: &UserService, ctx: &Context, request: GetPrivacyRequest) -> Result<Privacy> {
    let user = match ctx.actor {
        Actor::Service => UserId::try_from(&request.user_id[..])?,
        _ => {
            let me = ctx.user()?;
            let own = request.user_id.is_empty() || request.user_id == me.as_bytes();
            let standing = if own { Standing::Own } else { Standing::Person };
            authorise(Action::ReadOwnProfile, standing).map_err(|_| Error::not_found("user"))?;
            me
        }
    };
    let profile = service.db.read(move |reader| store::profile(reader, user)).await?;
    profile.and_then(|profile| profile.privacy).ok_or_else(|| Error::not_found("user"))
}
