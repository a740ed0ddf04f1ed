//! What is left of a profile whose account is closed: that it is closed.

use anser_contract::{
    Context,
    v1::{CloseProfileReply, CloseProfileRequest},
};
use anser_types::{Result, UserId};

use crate::{UserService, store};

pub(crate) async fn close_profile(
    service: &UserService,
    ctx: &Context,
    request: CloseProfileRequest,
) -> Result<CloseProfileReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    service.db.write(move |tx| store::close_profile(tx, user)).await?;
    Ok(CloseProfileReply {})
}
