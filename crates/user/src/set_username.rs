//! The user name as people see it, after its account was given another one: by its owner or by the operator. Friends are
//! told by contact, like of any change.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{ProfileAdmin, RenameUserReply, RenameUserRequest, SetUsernameReply, SetUsernameRequest},
};
use anser_types::{Error, Result, UserId};

use crate::{UserService, store, tell};

pub(crate) async fn rename_user(
    service: &UserService,
    ctx: &Context,
    request: RenameUserRequest,
) -> Result<RenameUserReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    let now = service.clock.now();
    service
        .db
        .write(move |tx| {
            let known = store::profile(tx, user)?.ok_or_else(|| Error::not_found("profile"))?;
            if known.username == request.username {
                return Ok(());
            }
            store::set_username(tx, user, &request.username)?;
            tell::updated(tx, user, now)
        })
        .await?;
    Ok(RenameUserReply {})
}

/// The operator's hand in this room.
pub struct ProfileKeeper(UserService);

impl ProfileKeeper {
    /// The keeper of `users`' profiles.
    pub fn new(users: &UserService) -> Arc<Self> {
        Arc::new(Self(users.clone()))
    }
}

#[async_trait::async_trait]
impl ProfileAdmin for ProfileKeeper {
    async fn set_username(&self, ctx: &Context, request: SetUsernameRequest) -> Result<SetUsernameReply> {
        let SetUsernameRequest { user_id, username } = request;
        rename_user(&self.0, ctx, RenameUserRequest { user_id, username }).await?;
        Ok(SetUsernameReply {})
    }
}
