//! Public profiles, in the order asked for.

use anser_contract::{
    Context,
    v1::{GetUsersReply, GetUsersRequest},
};
use anser_types::{Error, Result, UserId};

use crate::{UserService, may_read_profiles, store};

pub(crate) async fn get_users(service: &UserService, ctx: &Context, request: GetUsersRequest) -> Result<GetUsersReply> {
    may_read_profiles(ctx)?;
    let most = service.options.profiles_a_call;
    if request.user_ids.len() > most {
        return Err(Error::field("user_ids", format!("at most {most} at once")));
    }
    let ids = request.user_ids.iter().map(|id| UserId::try_from(&id[..])).collect::<Result<Vec<_>>>()?;

    let profiles = service
        .db
        .read(move |reader| ids.iter().map(|&id| store::public_profile(reader, id)).collect::<Result<Vec<_>>>())
        .await?;
    Ok(GetUsersReply { users: profiles.into_iter().flatten().collect() })
}
