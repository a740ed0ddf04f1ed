//! The caller's open sessions, newest first.

use anser_contract::{
    Context,
    v1::{self, ListSessionsReply},
};
use anser_types::{Action, Result, SessionId, Standing, authorise};

use crate::{AuthService, session::Session, store};

pub(crate) async fn list_sessions(auth: &AuthService, ctx: &Context) -> Result<ListSessionsReply> {
    let (user, current) = (ctx.user()?, ctx.session()?);
    authorise(Action::ManageSession, Standing::Own)?;
    let now = auth.clock.now();
    let sessions = auth.db.read(move |reader| store::open_sessions(reader, user)).await?;
    let open = sessions.into_iter().filter(|session| session.is_open(now));
    Ok(ListSessionsReply { items: open.map(|session| view(session, current)).collect() })
}

pub(crate) fn view(session: Session, current: SessionId) -> v1::Session {
    v1::Session {
        session_id: session.id.to_vec(),
        device_id: session.device_id,
        device_name: session.device_name,
        platform: session.platform,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        current: session.id == current,
    }
}
