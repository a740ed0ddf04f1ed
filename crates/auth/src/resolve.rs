//! Whose opaque session a token is of. Being used moves the session's end on, written once in a while only.

use anser_contract::v1::{ResolveRequest, SessionClaims};
use anser_types::Result;

use crate::{AuthService, session_token::SessionToken, store, unauthenticated};

/// Uses that follow each other sooner move nothing.
const MOVED_EVERY_MS: i64 = 3_600_000;

pub(crate) async fn resolve(auth: &AuthService, request: ResolveRequest) -> Result<SessionClaims> {
    let refused = || unauthenticated("the session token is not valid");
    let hash = SessionToken::parse(&request.token)?.hash(&auth.pepper);
    let now = auth.clock.now();
    let session = auth.db.read(move |reader| store::session_by_opaque(reader, &hash)).await?;
    let session = session.filter(|session| session.is_open(now)).ok_or_else(refused)?;
    if now - session.last_seen_at >= MOVED_EVERY_MS {
        let (id, expires_at) = (session.id, auth.options.opaque_expiry(now));
        auth.db.write(move |tx| store::extend_session(tx, id, expires_at, now)).await?;
    }
    Ok(SessionClaims { user_id: session.user.to_vec(), session_id: session.id.to_vec(), device_id: session.device_id })
}
