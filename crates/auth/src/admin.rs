//! What an operator may do with accounts: the verbs of [`AccountAdmin`], a file each where they are more than a line.

mod disable;
mod find;
mod import;
mod rename;
mod reset_password;
mod sessions;

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        Account, AccountAdmin, AccountState, FindAccountRequest, GetPasswordHashReply, GetPasswordHashRequest,
        ImportAccountReply, ImportAccountRequest, ListAccountsReply, ListAccountsRequest, ListSessionsOfReply,
        ListSessionsOfRequest, ProfileAdmin, RenameAccountRequest, ResetPasswordRequest, RevokeSessionsReply,
        RevokeSessionsRequest, SetDisabledRequest,
    },
};
use anser_engine::Reader;
use anser_types::{Code, Error, Result, UserId};

use crate::{AuthService, store};

/// The operator's hand in this room.
pub struct AccountKeeper {
    auth: Arc<AuthService>,
    profiles: Arc<dyn ProfileAdmin>,
}

impl AccountKeeper {
    /// The keeper of `auth`'s accounts, whose names people see in `profiles`.
    pub fn new(auth: Arc<AuthService>, profiles: Arc<dyn ProfileAdmin>) -> Arc<Self> {
        Arc::new(Self { auth, profiles })
    }
}

#[async_trait::async_trait]
impl AccountAdmin for AccountKeeper {
    async fn find_account(&self, ctx: &Context, request: FindAccountRequest) -> Result<Account> {
        find::find(&self.auth, ctx, request).await
    }

    async fn list_accounts(&self, ctx: &Context, request: ListAccountsRequest) -> Result<ListAccountsReply> {
        find::list(&self.auth, ctx, request).await
    }

    async fn import_account(&self, ctx: &Context, request: ImportAccountRequest) -> Result<ImportAccountReply> {
        import::import(&self.auth, ctx, request).await
    }

    async fn set_disabled(&self, ctx: &Context, request: SetDisabledRequest) -> Result<Account> {
        disable::set_disabled(&self.auth, ctx, request).await
    }

    async fn rename_account(&self, ctx: &Context, request: RenameAccountRequest) -> Result<Account> {
        rename::rename(self, ctx, request).await
    }

    async fn reset_password(&self, ctx: &Context, request: ResetPasswordRequest) -> Result<Account> {
        reset_password::reset_password(&self.auth, ctx, request).await
    }

    async fn get_password_hash(&self, ctx: &Context, request: GetPasswordHashRequest) -> Result<GetPasswordHashReply> {
        ctx.require_service()?;
        let user = UserId::try_from(&request.user_id[..])?;
        let hash = self.auth.db.read(move |reader| store::password_hash(reader, user)).await?;
        Ok(GetPasswordHashReply { password_hash: hash.ok_or_else(|| Error::not_found("account"))? })
    }

    async fn list_sessions_of(&self, ctx: &Context, request: ListSessionsOfRequest) -> Result<ListSessionsOfReply> {
        sessions::list(&self.auth, ctx, request).await
    }

    async fn revoke_sessions(&self, ctx: &Context, request: RevokeSessionsRequest) -> Result<RevokeSessionsReply> {
        sessions::revoke(&self.auth, ctx, request).await
    }
}

/// An account that somebody can be given back: active or disabled.
fn usable(reader: &Reader<'_>, user: UserId) -> Result<Account> {
    let account = store::listed_by_id(reader, user)?.ok_or_else(|| Error::not_found("account"))?;
    match account.state() {
        AccountState::Active | AccountState::Disabled => Ok(account),
        AccountState::Closing | AccountState::Closed => Err(Error::new(Code::Gone, "the account was closed")),
        _ => Err(Error::not_found("account")),
    }
}
