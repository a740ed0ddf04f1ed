//! Makes a profile, once for each user id.

use anser_contract::{
    Context,
    v1::{CreateUserRequest, OwnProfile},
};
use anser_types::{Code, Error, Result, UserId, text};

use crate::{UserService, store};

pub(crate) async fn create_user(
    service: &UserService,
    ctx: &Context,
    request: CreateUserRequest,
) -> Result<OwnProfile> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    text::check_name("nickname", &request.nickname, service.options.nickname_bytes)?;
    let now = service.clock.now();

    service
        .db
        .write(move |tx| {
            let made = store::insert_profile(tx, user, &request.username, &request.nickname, &request.phone, now)?;
            let profile = store::profile(tx, user)?.ok_or_else(|| Error::internal("a profile was not stored"))?;
            if profile.username != request.username {
                return Err(Error::new(Code::AlreadyExists, "this user id has another user name"));
            }
            if made {
                tx.after_commit(|| metrics::counter!("anser_user_profiles_created_total").increment(1));
            }
            Ok(profile)
        })
        .await
}
