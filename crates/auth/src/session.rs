//! A session: how it opens, how it ends, and what its holder is given.

use anser_contract::v1::{SessionKind, SessionRevoked, TokenReply, service_event::Event};
use anser_engine::Tx;
use anser_types::{Error, Id, Result, SessionId, Timestamp, UserId};

use crate::{
    AuthOptions, AuthService, device::Device, jwt::Claims, refresh_token::RefreshToken, session_token::SessionToken,
    store,
};

/// What a client may do with its token; programs will have other scopes.
const SCOPE: &str = "user";

/// One login of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    pub(crate) platform: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) refresh_expires_at: Timestamp,
    pub(crate) token_no: i64,
    /// 0: it has not ended.
    pub(crate) ended_at: Timestamp,
    pub(crate) kind: SessionKind,
}

impl Session {
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        self.ended_at == 0 && now < self.refresh_expires_at
    }
}

/// Why a session ended, as gateways and metrics get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its owner ended it.
    LoggedOut,
    /// The same device logged in again.
    Replaced,
    /// It was the oldest of too many.
    TooMany,
    /// A refresh token came back that had been followed: somebody else has it.
    TokenReused,
    /// The person changed their password on another device.
    PasswordChanged,
    /// The account was closed.
    AccountClosed,
    /// The operator ended it.
    Revoked,
    /// The person got another password by a code sent to their phone, or from the operator.
    PasswordReset,
    /// The operator disabled the account.
    AccountDisabled,
    /// Its token was not used in time, or it is as old as a session may be.
    Expired,
}

impl End {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            End::LoggedOut => "logged_out",
            End::Replaced => "replaced",
            End::TooMany => "too_many",
            End::TokenReused => "token_reused",
            End::PasswordChanged => "password_changed",
            End::AccountClosed => "account_closed",
            End::Revoked => "revoked",
            End::PasswordReset => "password_reset",
            End::AccountDisabled => "account_disabled",
            End::Expired => "expired",
        }
    }
}

/// Which kind of session a request asks for.
pub(crate) fn kind_of(asked: i32) -> Result<SessionKind> {
    match SessionKind::try_from(asked) {
        Ok(SessionKind::Unspecified | SessionKind::Tokens) => Ok(SessionKind::Tokens),
        Ok(SessionKind::Opaque) => Ok(SessionKind::Opaque),
        Err(_) => Err(Error::field("kind", "is not a kind of session")),
    }
}

/// The first token of a session.
pub(crate) enum FirstToken {
    Refresh(RefreshToken),
    Opaque(SessionToken),
}

/// A session that is about to open, for whoever it turns out to be.
pub(crate) struct Opening {
    session: Session,
    token_hash: [u8; 32],
    most_tokens: usize,
    most_opaque: usize,
}

impl Opening {
    /// Opens it for `user`. The two kinds of sessions are counted each among themselves: of tokens a device has one, so what
    /// it had before ends; then the oldest of too many.
    pub(crate) fn open(&self, tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<Session> {
        let session = Session { user, ..self.session.clone() };
        let mut others = store::open_sessions(tx, user)?;
        others.retain(|other| other.kind == session.kind);
        let most = if session.kind == SessionKind::Opaque {
            self.most_opaque
        } else {
            for replaced in others.extract_if(.., |other| other.device_id == session.device_id) {
                end(tx, &replaced, End::Replaced, now)?;
            }
            self.most_tokens
        };
        let too_many = (others.len() + 1).saturating_sub(most.max(1));
        for oldest in others.iter().rev().take(too_many) {
            end(tx, oldest, End::TooMany, now)?;
        }
        store::insert_session(tx, &session)?;
        match session.kind {
            SessionKind::Opaque => store::insert_opaque(tx, &self.token_hash, session.id)?,
            _ => store::insert_refresh(tx, &self.token_hash, session.id, 0, &[])?,
        }
        Ok(session)
    }
}

/// Ends every open session of somebody.
pub(crate) fn end_all(tx: &mut Tx<'_>, user: UserId, why: End, now: Timestamp) -> Result<()> {
    store::open_sessions(tx, user)?.iter().try_for_each(|session| end(tx, session, why, now))
}

/// Ends a session that is open: its tokens are gone, its gateways are told, and it is remembered for a while.
pub(crate) fn end(tx: &mut Tx<'_>, session: &Session, why: End, now: Timestamp) -> Result<()> {
    if !store::end_session(tx, session.id, why, now)? {
        return Ok(());
    }
    store::delete_refreshes(tx, session.id)?;
    store::delete_opaque(tx, session.id)?;
    tx.emit(
        now,
        Event::SessionRevoked(SessionRevoked {
            user_id: session.user.to_vec(),
            session_id: session.id.to_vec(),
            reason: why.as_str().into(),
            at: now,
        }),
    )?;
    tx.after_commit(move || {
        metrics::counter!("anser_auth_sessions_ended_total", "reason" => why.as_str()).increment(1)
    });
    Ok(())
}

impl AuthService {
    /// A session that begins now, and its first token.
    pub(crate) fn opening(&self, device: Device, kind: SessionKind, now: Timestamp) -> (Opening, FirstToken) {
        let (token, token_hash, expires_at) = if kind == SessionKind::Opaque {
            let token = SessionToken::random();
            let hash = token.hash(&self.pepper);
            (FirstToken::Opaque(token), hash, self.options.opaque_expiry(now))
        } else {
            let token = RefreshToken::random();
            let hash = token.hash(&self.pepper);
            (FirstToken::Refresh(token), hash, self.options.refresh_expiry(now, now))
        };
        let session = Session {
            id: SessionId::new(&self.clock),
            user: UserId::default(),
            device_id: device.id,
            device_name: device.name,
            platform: device.platform,
            created_at: now,
            last_seen_at: now,
            refresh_expires_at: expires_at,
            token_no: 0,
            ended_at: 0,
            kind,
        };
        let AuthOptions { sessions_a_user, opaque_sessions_a_user, .. } = self.options;
        let opening =
            Opening { session, token_hash, most_tokens: sessions_a_user, most_opaque: opaque_sessions_a_user };
        (opening, token)
    }

    /// What the holder of a new session gets.
    pub(crate) fn first_reply(&self, session: &Session, token: &FirstToken, now: Timestamp) -> Result<TokenReply> {
        match token {
            FirstToken::Refresh(token) => self.token_reply(session, token, now),
            FirstToken::Opaque(token) => Ok(TokenReply {
                user_id: session.user.to_vec(),
                session_id: session.id.to_vec(),
                device_id: session.device_id.clone(),
                session_token: token.text(),
                ..TokenReply::default()
            }),
        }
    }

    /// What the holder of a session gets: a new access token, and its refresh token.
    pub(crate) fn token_reply(&self, session: &Session, token: &RefreshToken, now: Timestamp) -> Result<TokenReply> {
        let iat = now / 1_000;
        let exp = iat + self.options.access_ttl.as_secs() as i64;
        let access_token = self.signer.sign(&Claims {
            iss: self.options.issuer.clone(),
            aud: self.options.audience.clone(),
            sub: session.user.to_string(),
            sid: session.id.to_string(),
            did: session.device_id.clone(),
            scope: SCOPE.into(),
            iat,
            exp,
            jti: Id::new(&self.clock).to_string(),
        })?;
        Ok(TokenReply {
            user_id: session.user.to_vec(),
            session_id: session.id.to_vec(),
            device_id: session.device_id.clone(),
            access_token,
            access_expires_at: exp * 1_000,
            refresh_token: token.text(),
            refresh_expires_at: session.refresh_expires_at,
            ..TokenReply::default()
        })
    }
}
