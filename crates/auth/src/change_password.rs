//! Another password for the caller. Every other session of theirs ends: whoever knew the old one is out.

use anser_contract::{
    Context,
    v1::{ChangePasswordReply, ChangePasswordRequest},
};
use anser_engine::Tx;
use anser_types::{Action, Result, SessionId, Standing, Timestamp, UserId, authorise};

use crate::{
    AuthService,
    confirm::{confirm, ensure_still},
    password,
    session::{self, End},
    store, unauthenticated,
};

pub(crate) async fn change_password(
    auth: &AuthService,
    ctx: &Context,
    request: ChangePasswordRequest,
) -> Result<ChangePasswordReply> {
    let (me, this) = (ctx.user()?, ctx.session()?);
    authorise(Action::ManageSession, Standing::Own)?;
    password::check_new(&auth.options, &request.new_password)?;
    let confirmed = confirm(auth, ctx, request.old_password).await?;
    let new_hash = auth.hasher.hash(request.new_password, ctx.deadline).await?;
    let now = auth.clock.now();
    auth.db
        .write(move |tx| {
            ensure_still(tx, me, &confirmed)?;
            // A thief whose session was ended meanwhile changes nothing.
            let open = store::session_by_id(tx, this)?.is_some_and(|session| session.is_open(now));
            if !open {
                return Err(unauthenticated("the session has ended"));
            }
            store::set_password(tx, me, &new_hash)?;
            end_others(tx, me, this, now)
        })
        .await?;
    Ok(ChangePasswordReply {})
}

fn end_others(tx: &mut Tx<'_>, me: UserId, this: SessionId, now: Timestamp) -> Result<()> {
    for other in store::open_sessions(tx, me)?.iter().filter(|other| other.id != this) {
        session::end(tx, other, End::PasswordChanged, now)?;
    }
    Ok(())
}
