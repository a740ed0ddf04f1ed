//! Who a request comes from: access tokens checked against auth's keys, and the sessions that have ended.
//!
//! An access token is a JWT signed with ES256 (RFC 7519, RFC 9068). Its session may end before it does, so ends are
//! remembered here until every token of the session has expired. Both halves of the gateway ask here and nowhere else.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use anser_contract::{
    Actor, Context,
    v1::{Auth, GetVerifyKeysRequest},
};
use anser_types::{Clock, Code, Error, Result, SessionId, Timestamp, UserId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::{
    digest::{self, SHA256},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use serde::Deserialize;

/// How far the clocks of two machines may differ.
const TOLERANCE_MS: i64 = 60_000;
/// Unknown key names ask auth for its keys at most this often.
const REFETCH_MS: i64 = 1_000;
/// Longer texts are no tokens of ours.
const MAX_TOKEN_BYTES: usize = 4 << 10;
/// More ended sessions than this are not remembered one by one; the oldest are forgotten first.
const MAX_ENDED: usize = 1_000_000;
/// More good signatures than this are not remembered; then all are forgotten, and checked again.
const MAX_PROVED: usize = 20_000;

/// A person and the session through which they speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
    /// The device the session belongs to, as the client named it.
    pub device_id: String,
}

impl Identity {
    /// The actor of calls made in this person's name.
    pub fn actor(&self) -> Actor {
        Actor::User(self.user, self.session)
    }
}

/// Checks access tokens.
pub struct Identities {
    auth: Arc<dyn Auth>,
    clock: Clock,
    keys: Mutex<Arc<Keys>>,
    /// Held while keys are fetched, so that a crowd of unknown tokens asks once.
    fetching: tokio::sync::Mutex<()>,
    /// Signatures that are good, by a hash over key, text and signature.
    proved: Mutex<HashSet<Proof>>,
    ended: EndedSessions,
}

type Proof = [u8; 32];

#[derive(Default)]
struct Keys {
    by_name: HashMap<String, Vec<u8>>,
    issuer: String,
    audience: String,
    /// When they were fetched; zero: never.
    fetched_at: Timestamp,
}

impl Identities {
    /// Checks tokens with the keys of `auth`.
    pub fn new(auth: Arc<dyn Auth>, clock: Clock, remember_ended: Duration) -> Self {
        let ended = EndedSessions::new(clock.clone(), remember_ended);
        Self {
            auth,
            clock,
            keys: Mutex::default(),
            fetching: tokio::sync::Mutex::new(()),
            proved: Mutex::default(),
            ended,
        }
    }

    /// The sessions that have ended lately.
    pub fn ended(&self) -> &EndedSessions {
        &self.ended
    }

    /// Who `token` speaks for. `unauthenticated` for anything that is not a valid access token of a living session.
    pub async fn verify(&self, token: &str) -> Result<Identity> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(refused());
        }
        let parts = Parts::split(token).ok_or_else(refused)?;
        let header: Header = parse(parts.header)?;
        if header.alg != "ES256" || !header.typ.eq_ignore_ascii_case("at+jwt") {
            return Err(refused());
        }
        let keys = self.keys_with(&header.kid).await?;
        let key = keys.by_name.get(&header.kid).ok_or_else(refused)?;
        let signature = URL_SAFE_NO_PAD.decode(parts.signature).map_err(|_| refused())?;
        self.prove(key, parts.signed.as_bytes(), &signature)?;
        let claims: Claims = parse(parts.claims)?;
        if claims.iss != keys.issuer || claims.aud != keys.audience {
            return Err(refused());
        }
        let now = self.clock.now();
        if claims.exp.saturating_mul(1_000).saturating_add(TOLERANCE_MS) < now {
            return Err(Error::new(Code::Unauthenticated, "the access token has expired"));
        }
        if claims.iat.saturating_mul(1_000).saturating_sub(TOLERANCE_MS) > now {
            return Err(refused());
        }
        let identity = Identity {
            user: claims.sub.parse().map_err(|_| refused())?,
            session: claims.sid.parse().map_err(|_| refused())?,
            device_id: claims.did,
        };
        self.require_living(identity.session)?;
        Ok(identity)
    }

    /// Refuses a session that has ended, and every session while nobody can know which have.
    pub fn require_living(&self, session: SessionId) -> Result<()> {
        match self.ended.state(session) {
            SessionState::Living => Ok(()),
            SessionState::Ended => Err(Error::new(Code::Unauthenticated, "the session has ended")),
            SessionState::Unknown => Err(Error::unavailable("sessions cannot be checked yet")),
        }
    }

    /// Checks the signature, unless it was found good before: a person's requests all come with the same token, and the
    /// curve is the dearest part of a small request. What the token says is looked at each time.
    fn prove(&self, key: &[u8], signed: &[u8], signature: &[u8]) -> Result<()> {
        let mut both = digest::Context::new(&SHA256);
        for part in [key, signed, signature] {
            both.update(&part.len().to_be_bytes());
            both.update(part);
        }
        let proof: Proof = both.finish().as_ref().try_into().map_err(|_| refused())?;
        if self.proved.lock().contains(&proof) {
            return Ok(());
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(signed, signature).map_err(|_| refused())?;
        let mut proved = self.proved.lock();
        if proved.len() >= MAX_PROVED {
            proved.clear();
        }
        proved.insert(proof);
        Ok(())
    }

    async fn keys_with(&self, kid: &str) -> Result<Arc<Keys>> {
        let known = |keys: &Arc<Keys>| keys.by_name.contains_key(kid).then(|| keys.clone());
        if let Some(keys) = known(&self.keys.lock()) {
            return Ok(keys);
        }
        let _alone = self.fetching.lock().await;
        let keys = self.keys.lock().clone();
        if known(&keys).is_some() || self.clock.now() - keys.fetched_at < REFETCH_MS {
            return Ok(keys);
        }
        let reply = self.auth.get_verify_keys(&Context::service(), GetVerifyKeysRequest {}).await?;
        let keys = Arc::new(Keys {
            by_name: reply.keys.into_iter().map(|key| (key.kid, key.public_key)).collect(),
            issuer: reply.issuer,
            audience: reply.audience,
            fetched_at: self.clock.now(),
        });
        *self.keys.lock() = keys.clone();
        Ok(keys)
    }
}

/// Sessions that have ended, for as long as a token of theirs may still look good.
pub struct EndedSessions {
    clock: Clock,
    keep_ms: i64,
    inner: Mutex<Ended>,
}

#[derive(Default)]
struct Ended {
    /// Whether the ends of the time before this process are known too.
    complete: bool,
    at: HashMap<SessionId, Timestamp>,
}

/// What is known of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// No end was heard of.
    Living,
    /// It has ended.
    Ended,
    /// This process has not heard yet which sessions have ended.
    Unknown,
}

impl EndedSessions {
    fn new(clock: Clock, keep: Duration) -> Self {
        Self { clock, keep_ms: keep.as_millis() as i64, inner: Mutex::default() }
    }

    /// Remembers that `session` has ended.
    pub fn insert(&self, session: SessionId) {
        self.inner.lock().at.insert(session, self.clock.now());
    }

    /// From now on a session whose end was not heard of counts as living.
    pub fn complete(&self) {
        self.inner.lock().complete = true;
    }

    /// Whether it is known which sessions have ended.
    pub fn is_complete(&self) -> bool {
        self.inner.lock().complete
    }

    /// What is known of `session`.
    pub fn state(&self, session: SessionId) -> SessionState {
        let inner = self.inner.lock();
        match (inner.at.contains_key(&session), inner.complete) {
            (true, _) => SessionState::Ended,
            (false, true) => SessionState::Living,
            (false, false) => SessionState::Unknown,
        }
    }

    /// Forgets ends that are older than any token.
    pub fn prune(&self) {
        let before = self.clock.now() - self.keep_ms;
        let mut inner = self.inner.lock();
        inner.at.retain(|_, at| *at >= before);
        if inner.at.len() > MAX_ENDED {
            let mut times: Vec<_> = inner.at.values().copied().collect();
            let cut = *times.select_nth_unstable(inner.at.len() - MAX_ENDED).1;
            inner.at.retain(|_, at| *at > cut);
        }
    }
}

struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some(Self { signed, header, claims, signature })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    #[serde(default)]
    did: String,
    iat: i64,
    exp: i64,
}

fn parse<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| refused())?;
    serde_json::from_slice(&json).map_err(|_| refused())
}

fn refused() -> Error {
    Error::new(Code::Unauthenticated, "not a valid access token")
}
