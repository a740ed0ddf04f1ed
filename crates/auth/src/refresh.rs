//! Rotates a refresh token.
//!
//! Token *n* is followed by *n* + 1. An answer may get lost, and two tabs of a browser may ask at once: so token *n* is
//! good for three repeats, each answered by the same successor, until 30 s after that successor was first used. What
//! comes later than that, or more often, was copied: the session ends for everybody who holds a token of it.

use anser_contract::v1::{RefreshRequest, TokenReply};
use anser_engine::Tx;
use anser_types::{Action, Error, Result, Standing, Timestamp, authorise};

use crate::{
    AuthOptions, AuthService,
    refresh_token::{self, Pepper, RefreshToken},
    session::{self, End, Session},
    store::{self, StoredToken},
    unauthenticated,
};

/// Followed tokens that are remembered in each session, so that their reuse is recognised. Older ones are merely unknown.
const REMEMBERED: i64 = 100;

/// What a known token leads to. Endings are outcomes, not errors: an error would roll the ending back.
enum Outcome {
    Goes(Session, RefreshToken),
    Ended(Error),
}

pub(crate) async fn refresh(auth: &AuthService, request: RefreshRequest) -> Result<TokenReply> {
    let token = RefreshToken::parse(&request.refresh_token)?;
    let (pepper, salt) = (auth.pepper.clone(), refresh_token::salt());
    let now = auth.clock.now();
    let options = auth.options.clone();

    let outcome = auth.db.write(move |tx| follow(tx, &options, &pepper, &token, &salt, now)).await?;
    let label = if matches!(outcome, Outcome::Goes(..)) { "rotated" } else { "refused" };
    metrics::counter!("anser_auth_refreshes_total", "outcome" => label).increment(1);
    match outcome {
        Outcome::Goes(session, token) => auth.token_reply(&session, &token, now),
        Outcome::Ended(error) => Err(error),
    }
}

fn follow(
    tx: &mut Tx<'_>,
    options: &AuthOptions,
    pepper: &Pepper,
    token: &RefreshToken,
    salt: &[u8; 32],
    now: Timestamp,
) -> Result<Outcome> {
    let unknown = || unauthenticated("the refresh token is not valid");
    let stored = store::refresh_by_hash(tx, &token.hash(pepper))?.ok_or_else(unknown)?;
    let session = store::session_by_id(tx, stored.session)?.ok_or_else(unknown)?;
    authorise(Action::ManageSession, Standing::Own)?;
    if session.ended_at != 0 {
        return Err(unknown());
    }
    if !session.is_open(now) {
        session::end(tx, &session, End::Expired, now)?;
        return Ok(Outcome::Ended(unauthenticated("the session has expired")));
    }
    if stored.no == session.token_no {
        return rotate(tx, options, pepper, token, salt, session, now);
    }
    match store::refresh_by_no(tx, session.id, stored.no + 1)? {
        Some(successor) if may_repeat(options, &stored, &successor, now) => {
            store::repeat_refresh(tx, session.id, stored.no)?;
            store::touch_session(tx, session.id, now)?;
            Ok(Outcome::Goes(session, token.next(pepper, &successor.salt)))
        }
        _ => {
            session::end(tx, &session, End::TokenReused, now)?;
            Ok(Outcome::Ended(refresh_token::spent()))
        }
    }
}

fn rotate(
    tx: &mut Tx<'_>,
    options: &AuthOptions,
    pepper: &Pepper,
    token: &RefreshToken,
    salt: &[u8; 32],
    mut session: Session,
    now: Timestamp,
) -> Result<Outcome> {
    let next = token.next(pepper, salt);
    let no = session.token_no;
    store::use_refresh(tx, session.id, no, now)?;
    store::insert_refresh(tx, &next.hash(pepper), session.id, no + 1, salt)?;
    store::forget_refreshes(tx, session.id, no - REMEMBERED)?;
    session.refresh_expires_at = options.refresh_expiry(session.created_at, now);
    store::rotate_session(tx, session.id, no + 1, session.refresh_expires_at, now)?;
    Ok(Outcome::Goes(session, next))
}

fn may_repeat(options: &AuthOptions, token: &StoredToken, successor: &StoredToken, now: Timestamp) -> bool {
    let overlap_ms = options.refresh_overlap.as_millis() as i64;
    let in_time = successor.used_at == 0 || now < successor.used_at + overlap_ms;
    in_time && token.repeats < i64::from(options.refresh_repeats)
}
