//! Closing an account: from here on nobody logs in with it; what is the person's own is erased afterwards.
//!
//! The account stands in the state `closing` until every service has erased its part; whoever erases asks for the
//! accounts in that state ([`list_closing`]) and says when it is done ([`finish_closing`]), so a crash in between loses
//! nothing. The name stays taken for ever: people have it in their heads and notes, and would take whoever got it next
//! for the one they knew. The phone number is free at once: numbers pass from one person to the next anyway.

use anser_contract::{
    Context,
    v1::{
        CloseAccountReply, CloseAccountRequest, FinishClosingReply, FinishClosingRequest, ListClosingReply,
        ListClosingRequest,
    },
};
use anser_types::{Action, Result, Standing, UserId, authorise};

use crate::{
    AuthService, codes,
    confirm::{confirm, ensure_still},
    session::{self, End},
    store,
};

const MOST: u32 = 100;

pub(crate) async fn close_account(
    auth: &AuthService,
    ctx: &Context,
    request: CloseAccountRequest,
) -> Result<CloseAccountReply> {
    let me = ctx.user()?;
    authorise(Action::CloseAccount, Standing::Own)?;
    let confirmed = confirm(auth, ctx, request.password).await?;
    let (pepper, now) = (auth.pepper.clone(), auth.clock.now());
    auth.db
        .write(move |tx| {
            ensure_still(tx, me, &confirmed)?;
            let phone = store::account_of(tx, me)?.and_then(|account| account.phone);
            let phone_mac = phone.map(|phone| codes::phone_mac(&pepper, &phone));
            store::delete_codes_of(tx, me, phone_mac.as_ref())?;
            store::begin_closing(tx, me, now)?;
            session::end_all(tx, me, End::AccountClosed, now)?;
            tx.after_commit(|| metrics::counter!("anser_auth_accounts_closed_total").increment(1));
            Ok(())
        })
        .await?;
    Ok(CloseAccountReply {})
}

/// Accounts of which something is still to be erased, the first ones first.
pub(crate) async fn list_closing(
    auth: &AuthService,
    ctx: &Context,
    request: ListClosingRequest,
) -> Result<ListClosingReply> {
    ctx.require_service()?;
    let limit = i64::from(request.limit.clamp(1, MOST));
    let items = auth.db.read(move |reader| store::closing(reader, limit)).await?;
    Ok(ListClosingReply { items })
}

/// Everything of an account is erased.
pub(crate) async fn finish_closing(
    auth: &AuthService,
    ctx: &Context,
    request: FinishClosingRequest,
) -> Result<FinishClosingReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    auth.db.write(move |tx| store::finish_closing(tx, user)).await?;
    Ok(FinishClosingReply {})
}
