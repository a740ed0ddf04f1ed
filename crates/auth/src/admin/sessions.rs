//! Anybody's sessions: which are open, and ending them.

use anser_contract::{
    Context,
    v1::{ListSessionsOfReply, ListSessionsOfRequest, RevokeSessionsReply, RevokeSessionsRequest},
};
use anser_types::{Error, Result, SessionId, UserId};

use crate::{
    AuthService, list_sessions,
    session::{self, End},
    store,
};

/// Sessions that one call ends.
const STEP: i64 = 100;

pub(crate) async fn list(
    auth: &AuthService,
    ctx: &Context,
    request: ListSessionsOfRequest,
) -> Result<ListSessionsOfReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..])?;
    let now = auth.clock.now();
    let sessions = auth.db.read(move |reader| store::open_sessions(reader, user)).await?;
    let open = sessions.into_iter().filter(|session| session.is_open(now));
    Ok(ListSessionsOfReply { items: open.map(|session| list_sessions::view(session, SessionId::default())).collect() })
}

pub(crate) async fn revoke(
    auth: &AuthService,
    ctx: &Context,
    request: RevokeSessionsRequest,
) -> Result<RevokeSessionsReply> {
    ctx.require_service()?;
    let which = Which::of(&request)?;
    let now = auth.clock.now();
    auth.db
        .write(move |tx| {
            let sessions = match which {
                Which::One(id) => vec![store::session_by_id(tx, id)?.ok_or_else(|| Error::not_found("session"))?],
                // Nobody has more than a few.
                Which::Of(user) => store::open_sessions(tx, user)?,
                Which::All => store::any_open_sessions(tx, STEP)?,
            };
            let open = sessions.iter().filter(|session| session.ended_at == 0).count();
            sessions.iter().try_for_each(|session| session::end(tx, session, End::Revoked, now))?;
            Ok(RevokeSessionsReply { revoked: open as u32, more: matches!(which, Which::All) && open as i64 == STEP })
        })
        .await
}

#[derive(Clone, Copy)]
enum Which {
    One(SessionId),
    Of(UserId),
    All,
}

impl Which {
    fn of(request: &RevokeSessionsRequest) -> Result<Self> {
        match (&request.session_id[..], &request.user_id[..], request.all) {
            (session, [], false) if !session.is_empty() => Ok(Which::One(SessionId::try_from(session)?)),
            ([], user, false) if !user.is_empty() => Ok(Which::Of(UserId::try_from(user)?)),
            ([], [], true) => Ok(Which::All),
            _ => Err(Error::invalid("a session, a person or all: one of the three")),
        }
    }
}
