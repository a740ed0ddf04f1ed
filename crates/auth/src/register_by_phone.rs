//! Makes an account for whoever holds a phone.
//!
//! As when registering by name ([`crate::register`]), the number and the name are claimed, the profile is made, the account
//! becomes active. Without a user name the person's id is their user name, which nobody else can have; without a password
//! there is none to log in with, until one is set by a code.

use anser_contract::{
    Actor, Context,
    v1::{CodePurpose, CreateUserRequest, RegisterByPhoneRequest, RegisterReply},
};
use anser_engine::{Once, Tx};
use anser_types::{Code, Error, Result, Timestamp, UserId};

use crate::{
    AuthService, Source,
    codes::{self, Tried},
    password,
    register::{CLAIM_MS, activate, release, take, taken},
    store,
    username::Username,
};

pub(crate) async fn register_by_phone(
    auth: &AuthService,
    ctx: &Context,
    request: RegisterByPhoneRequest,
) -> Result<RegisterReply> {
    let now = auth.clock.now();
    if let Some(ip) = ctx.client_ip {
        auth.registrations_by_ip.take(Source::of(ip), now)?;
    }
    let code = codes::shown(auth, request.code.clone(), CodePurpose::Account, None)?;
    let named = match request.username.as_str() {
        "" => None,
        name => Some(Username::parse(name, auth.options.username_bytes)?),
    };
    let password_hash = if request.password.is_empty() {
        String::new()
    } else {
        password::check(&auth.options, &request.password)?;
        auth.hasher.hash(request.password.clone(), ctx.deadline).await?
    };
    auth.db.growth_allowed()?;
    let phone = code.phone.as_str().to_owned();
    let tried = codes::try_code(auth, code).await?;

    let claimed = claim(auth, tried, named, password_hash, &request, now).await?;
    if !claimed.new && !same_password(auth, ctx, &claimed, request.password).await? {
        return Err(Error::new(Code::IdempotencyConflict, "this key was used with another request"));
    }
    let Claim { user, name, .. } = claimed;
    let nickname = if request.nickname.is_empty() { name.shown.clone() } else { request.nickname };
    let profile = CreateUserRequest { user_id: user.to_vec(), username: name.shown.clone(), nickname, phone };
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    if let Err(error) = auth.users.create_user(&service, profile).await {
        if !error.retryable() || request.idempotency_key.is_empty() {
            release(auth, &name, user).await;
        }
        return Err(error);
    }
    activate(auth, &name, user).await?;
    Ok(RegisterReply { user_id: user.to_vec() })
}

struct Claim {
    user: UserId,
    name: Username,
    password_hash: String,
    /// Not of an earlier request with the same key.
    new: bool,
}

async fn claim(
    auth: &AuthService,
    tried: Tried,
    named: Option<Username>,
    password_hash: String,
    request: &RegisterByPhoneRequest,
    now: Timestamp,
) -> Result<Claim> {
    let candidate = UserId::new(&auth.clock);
    let asked: [&[u8]; 3] = [&tried.code.mac, request.username.as_bytes(), request.nickname.as_bytes()];
    let once = Once {
        user: Vec::new(),
        route: "register_by_phone",
        key: request.idempotency_key.clone(),
        body_hash: auth.pepper.mac("register by phone", &asked).to_vec(),
    };
    auth.db
        .write(move |tx| {
            let name_of = |user: UserId| named.clone().unwrap_or_else(|| Username::of(user));
            let answer = tx.once(&once, now, |tx| {
                tried.spend(tx, now)?;
                let phone = tried.code.phone.as_str();
                free_phone(tx, phone, now)?;
                take(tx, &name_of(candidate).key, candidate, &password_hash, Some(phone), now)?;
                Ok(candidate.to_vec())
            })?;
            let user = UserId::try_from(&answer[..])?;
            let name = name_of(user);
            let account = store::account_by_name(tx, &name.key)?.filter(|account| account.user == user);
            let account = account.ok_or_else(taken)?;
            Ok(Claim { user, name, password_hash: account.password_hash, new: user == candidate })
        })
        .await
}

/// Refuses a number that is an account's. A claim that died in the middle gives it back after a minute.
pub(crate) fn free_phone(tx: &mut Tx<'_>, phone: &str, now: Timestamp) -> Result<()> {
    match store::account_by_phone(tx, phone)? {
        None => Ok(()),
        Some(dead) if dead.pending && dead.claimed_at + CLAIM_MS < now => {
            store::delete_pending(tx, &dead.name_key, dead.user)
        }
        Some(_) => Err(Error::new(Code::AlreadyExists, "this phone number is an account's")),
    }
}

async fn same_password(auth: &AuthService, ctx: &Context, claimed: &Claim, password: String) -> Result<bool> {
    match (password.is_empty(), claimed.password_hash.is_empty()) {
        (false, false) => auth.hasher.verify(password, Some(claimed.password_hash.clone()), ctx.deadline).await,
        (given, stored) => Ok(given == stored),
    }
}
