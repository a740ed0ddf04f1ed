//! Who may do what about some people, for the service that knows who asks.

use anser_contract::{
    Context,
    v1::{ListPrivacyReply, ListPrivacyRequest, PersonPrivacy},
};
use anser_types::{Error, Result, UserId};

use crate::{UserService, store};

pub(crate) async fn list_privacy(
    service: &UserService,
    ctx: &Context,
    request: ListPrivacyRequest,
) -> Result<ListPrivacyReply> {
    ctx.require_service()?;
    let most = service.options.profiles_a_call;
    if request.user_ids.len() > most {
        return Err(Error::field("user_ids", format!("at most {most} at once")));
    }
    let ids = request.user_ids.iter().map(|id| UserId::try_from(&id[..])).collect::<Result<Vec<_>>>()?;
    let profiles = service
        .db
        .read(move |reader| ids.iter().map(|&user| store::profile(reader, user)).collect::<Result<Vec<_>>>())
        .await?;
    let items = profiles.into_iter().flatten();
    let items = items.map(|profile| PersonPrivacy { user_id: profile.user_id, privacy: profile.privacy }).collect();
    Ok(ListPrivacyReply { items })
}
