//! The phone number that a person sees in their own profile. Nobody else sees it, so nobody else is told.

use anser_contract::{
    Context,
    v1::{SetPhoneReply, SetPhoneRequest},
};
use anser_types::{Error, Result, UserId};

use crate::{UserService, store, tell};

pub(crate) async fn set_phone(service: &UserService, ctx: &Context, request: SetPhoneRequest) -> Result<SetPhoneReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    let now = service.clock.now();
    service
        .db
        .write(move |tx| {
            let known = store::profile(tx, user)?.ok_or_else(|| Error::not_found("profile"))?;
            if known.phone == request.phone {
                return Ok(());
            }
            store::set_phone(tx, user, &request.phone)?;
            tell::updated(tx, user, now)
        })
        .await?;
    Ok(SetPhoneReply {})
}
