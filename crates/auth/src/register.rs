//! Makes an account: a name that nobody else has, a profile, a password.
//!
//! Two services take part. The name is claimed (`pending`), the profile is made (idempotent by the user id), the name
//! becomes active if it is still this claim's. A claim that died in the middle is free again after a minute. An
//! idempotency key remembers the user id of the claim, so a repeat takes up where the first attempt stopped; that it is
//! the same request is seen by a hash of name and nickname, and by the password itself, which goes through no hash that
//! is cheaper than the account's own.

use anser_contract::{
    Actor, Context,
    v1::{CreateUserRequest, RegisterReply, RegisterRequest},
};
use anser_engine::{Once, Tx};
use anser_types::{Code, Error, Result, Timestamp, UserId};

use crate::{AuthService, Source, password, store, username::Username};

/// After this a claim that did not become an account is free again.
pub(crate) const CLAIM_MS: i64 = 60_000;

pub(crate) async fn register(auth: &AuthService, ctx: &Context, request: RegisterRequest) -> Result<RegisterReply> {
    let now = auth.clock.now();
    if let Some(ip) = ctx.client_ip {
        auth.registrations_by_ip.take(Source::of(ip), now)?;
    }
    let name = Username::parse(&request.username, auth.options.username_bytes)?;
    password::check(&auth.options, &request.password)?;
    auth.db.growth_allowed()?;
    let nickname = if request.nickname.is_empty() { name.shown.clone() } else { request.nickname.clone() };
    let password_hash = auth.hasher.hash(request.password.clone(), ctx.deadline).await?;

    let claimed = claim(auth, &name, password_hash, &request, now).await?;
    if !claimed.new {
        let same = auth.hasher.verify(request.password, Some(claimed.password_hash), ctx.deadline).await?;
        if !same {
            return Err(Error::new(Code::IdempotencyConflict, "this key was used with another request"));
        }
    }

    let (user_id, username) = (claimed.user.to_vec(), name.shown.clone());
    let profile = CreateUserRequest { user_id, username, nickname, phone: String::new() };
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    if let Err(error) = auth.users.create_user(&service, profile).await {
        // A repeat under the same key goes on with this claim; anybody else would wait for it in vain.
        if !error.retryable() || request.idempotency_key.is_empty() {
            release(auth, &name, claimed.user).await;
        }
        return Err(error);
    }
    activate(auth, &name, claimed.user).await?;
    Ok(RegisterReply { user_id: claimed.user.to_vec() })
}

struct Claim {
    user: UserId,
    password_hash: String,
    /// Not of an earlier request with the same key.
    new: bool,
}

async fn claim(
    auth: &AuthService,
    name: &Username,
    password_hash: String,
    request: &RegisterRequest,
    now: Timestamp,
) -> Result<Claim> {
    let candidate = UserId::new(&auth.clock);
    let once = Once {
        user: Vec::new(),
        route: "register",
        key: request.idempotency_key.clone(),
        body_hash: auth.pepper.mac("register", &[request.username.as_bytes(), request.nickname.as_bytes()]).to_vec(),
    };
    let key = name.key.clone();
    auth.db
        .write(move |tx| {
            let answer = tx.once(&once, now, |tx| {
                take(tx, &key, candidate, &password_hash, None, now)?;
                Ok(candidate.to_vec())
            })?;
            let user = UserId::try_from(&answer[..])?;
            let account = store::account_by_name(tx, &key)?.filter(|account| account.user == user).ok_or_else(taken)?;
            Ok(Claim { user, password_hash: account.password_hash, new: user == candidate })
        })
        .await
}

/// Claims the name if it is free, or if its claim is too old to become an account. The phone number is known to be free.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    key: &str,
    user: UserId,
    password_hash: &str,
    phone: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    if let Some(account) = store::account_by_name(tx, key)?
        && !account.active
        && account.claimed_at + CLAIM_MS < now
    {
        store::delete_pending(tx, key, account.user)?;
    }
    if store::insert_pending(tx, key, user, password_hash, phone, now)? { Ok(()) } else { Err(taken()) }
}

pub(crate) async fn activate(auth: &AuthService, name: &Username, user: UserId) -> Result<()> {
    let key = name.key.clone();
    auth.db
        .write(move |tx| {
            if store::activate(tx, &key, user)? {
                tx.after_commit(|| metrics::counter!("anser_auth_registrations_total").increment(1));
                return Ok(());
            }
            match store::account_by_name(tx, &key)? {
                Some(account) if account.user == user && account.active => Ok(()),
                _ => Err(taken()),
            }
        })
        .await
}

/// Best effort: an unreleased claim is free again by itself.
pub(crate) async fn release(auth: &AuthService, name: &Username, user: UserId) {
    let key = name.key.clone();
    if let Err(error) = auth.db.write(move |tx| store::delete_pending(tx, &key, user)).await {
        tracing::warn!(%error, "a claimed user name could not be released");
    }
}

pub(crate) fn taken() -> Error {
    Error::new(Code::AlreadyExists, "this user name is taken")
}
