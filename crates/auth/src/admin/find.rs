//! Accounts as they stand: one, or all of them.

use anser_contract::{
    Context,
    v1::{Account, FindAccountRequest, ListAccountsReply, ListAccountsRequest},
};
use anser_types::{Error, Result, UserId};

use crate::{AuthService, store, username::Username};

const MOST: u32 = 1_000;

pub(crate) async fn find(auth: &AuthService, ctx: &Context, request: FindAccountRequest) -> Result<Account> {
    ctx.require_service()?;
    let nobody = || Error::not_found("account");
    let found = if request.user_id.is_empty() {
        let name = Username::parse(&request.username, auth.options.username_bytes).map_err(|_| nobody())?;
        auth.db.read(move |reader| store::listed_by_name(reader, &name.key)).await?
    } else {
        let user = UserId::try_from(&request.user_id[..])?;
        auth.db.read(move |reader| store::listed_by_id(reader, user)).await?
    };
    found.ok_or_else(nobody)
}

pub(crate) async fn list(auth: &AuthService, ctx: &Context, request: ListAccountsRequest) -> Result<ListAccountsReply> {
    ctx.require_service()?;
    let limit = request.limit.clamp(1, MOST) as usize;
    let mut items = auth.db.read(move |reader| store::listed_after(reader, &request.after, limit as i64 + 1)).await?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(ListAccountsReply { items, has_more })
}
