//! Another user name for the caller. Accounts know how names are compared, profiles how they are shown: the account is
//! renamed first, because it decides whether the name is free; the same call again finishes what stopped between the two.

use anser_contract::{
    Actor, Context,
    v1::{ChangeUsernameReply, ChangeUsernameRequest, RenameUserRequest},
};
use anser_engine::Tx;
use anser_types::{Action, Result, SessionId, Standing, Timestamp, UserId, authorise};

use crate::{
    AuthService, Source,
    register::{CLAIM_MS, taken},
    store, unauthenticated,
    username::Username,
};

pub(crate) async fn change_username(
    auth: &AuthService,
    ctx: &Context,
    request: ChangeUsernameRequest,
) -> Result<ChangeUsernameReply> {
    let (me, this) = (ctx.user()?, ctx.session()?);
    authorise(Action::EditOwnProfile, Standing::Own)?;
    let now = auth.clock.now();
    // Whoever tries name after name learns which are taken, as by registering.
    if let Some(ip) = ctx.client_ip {
        auth.registrations_by_ip.take(Source::of(ip), now)?;
    }
    let name = Username::parse(&request.username, auth.options.username_bytes)?;
    let key = name.key.clone();
    auth.db.write(move |tx| change(tx, me, this, &key, now)).await?;
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    auth.users.rename_user(&service, RenameUserRequest { user_id: me.to_vec(), username: name.shown }).await?;
    Ok(ChangeUsernameReply {})
}

fn change(tx: &mut Tx<'_>, me: UserId, this: SessionId, key: &str, now: Timestamp) -> Result<()> {
    // A thief whose session was ended meanwhile changes nothing.
    let open = store::session_by_id(tx, this)?.is_some_and(|session| session.is_open(now));
    if !open {
        return Err(unauthenticated("the session has ended"));
    }
    store::account_of(tx, me)?.ok_or_else(|| unauthenticated("the account is closed"))?;
    rename(tx, me, key, now)
}

/// Gives `user` the name that is compared as `key`, unless somebody else has it.
pub(crate) fn rename(tx: &mut Tx<'_>, user: UserId, key: &str, now: Timestamp) -> Result<()> {
    if let Some(other) = store::account_by_name(tx, key)?
        && other.user != user
    {
        // A claim that is too old to become an account, as when registering.
        if other.claimed_at + CLAIM_MS < now {
            store::delete_pending(tx, key, other.user)?;
        }
        if store::account_by_name(tx, key)?.is_some() {
            return Err(taken());
        }
    }
    store::rename(tx, user, key)
}
