//! Ends one of the caller's sessions, this one or another.

use anser_contract::{
    Context,
    v1::{EndSessionReply, EndSessionRequest},
};
use anser_types::{Action, Error, Result, SessionId, Standing, authorise};

use crate::{
    AuthService,
    session::{self, End},
    store,
};

pub(crate) async fn end_session(
    auth: &AuthService,
    ctx: &Context,
    request: EndSessionRequest,
) -> Result<EndSessionReply> {
    let user = ctx.user()?;
    let id = SessionId::try_from(&request.session_id[..])?;
    let now = auth.clock.now();

    auth.db
        .write(move |tx| {
            let session = store::session_by_id(tx, id)?.ok_or_else(|| Error::not_found("session"))?;
            let standing = if session.user == user { Standing::Own } else { Standing::Outsider };
            authorise(Action::ManageSession, standing).map_err(|_| Error::not_found("session"))?;
            session::end(tx, &session, End::LoggedOut, now)
        })
        .await?;
    Ok(EndSessionReply {})
}
