//! What people, thieves and gateways can do with accounts and sessions.

mod admin;
mod closing;
mod naming;
mod opaque;
mod passwords;
mod phones;
mod refreshing;
mod registering;
mod sessions;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anser_contract::{
    Actor, Context,
    v1::{
        Auth, CloseProfileReply, CloseProfileRequest, CreateUserRequest, Events, FollowRequest, GetMeRequest,
        GetPrivacyRequest, GetUsersReply, GetUsersRequest, ListChangedReply, ListChangedRequest, ListPrivacyReply,
        ListPrivacyRequest, ListSeenReply, ListSeenRequest, LoginRequest, NoteSeenReply, NoteSeenRequest, OwnProfile,
        Privacy, PublicProfile, RefreshRequest, RegisterRequest, RenameUserReply, RenameUserRequest, SetPhoneReply,
        SetPhoneRequest, SyncProfileReply, SyncProfileRequest, TokenReply, UpdatePrivacyRequest, UpdateProfileRequest,
        Users, service_event::Event,
    },
};
use anser_engine::{Db, DbOptions, Durability, outbox::Outbox};
use anser_types::{Clock, Error, Result, SessionId, UserId};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_stream::StreamExt;

use crate::{
    AuthOptions, AuthSecrets, AuthService, CodeOptions, HashCost, MIGRATIONS, generate_signing_key,
    sms::{Sms, SmsFailure, SmsProvider},
};

const NOW: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

struct World {
    auth: Arc<AuthService>,
    users: Arc<Profiles>,
    sms: Arc<Postman>,
    clock: Clock,
    db: Db,
    _dir: tempfile::TempDir,
}

/// Options for tests: cheap hashes and no limits.
fn easy() -> AuthOptions {
    AuthOptions {
        hash: HashCost { memory_kib: 8, passes: 1, lanes: 1 },
        logins_a_minute_per_ip: 0,
        logins_a_minute_per_name: 0,
        registrations_a_minute_per_ip: 0,
        codes: CodeOptions {
            a_minute_per_ip: 0,
            a_minute_per_range: 0,
            a_day: 0,
            lookups_a_minute: 0,
            cooldown: Duration::ZERO,
            ..CodeOptions::default()
        },
        ..AuthOptions::default()
    }
}

impl World {
    fn new() -> Self {
        Self::with(easy())
    }

    fn with(options: AuthOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW);
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&store, MIGRATIONS, clock.clone()).unwrap();
        let users = Arc::new(Profiles::default());
        let secrets =
            AuthSecrets { signing_key_pkcs8: generate_signing_key().unwrap(), refresh_pepper: rand::random() };
        let sms = Arc::new(Postman::default());
        let auth = AuthService::new(&db, users.clone(), sms.clone(), &secrets, options, clock.clone()).unwrap();
        Self { auth, users, sms, clock, db, _dir: dir }
    }

    async fn register(&self, name: &str) -> UserId {
        let reply = self.auth.register(&anonymous(), registration(name)).await.unwrap();
        UserId::try_from(&reply.user_id[..]).unwrap()
    }

    async fn login(&self, name: &str, device: u8) -> TokenReply {
        self.auth.login(&anonymous(), login(name, device)).await.unwrap()
    }

    async fn refresh(&self, token: &str) -> Result<TokenReply> {
        self.auth.refresh(&anonymous(), RefreshRequest { refresh_token: token.into() }).await
    }

    /// Every session end that was told, in order.
    async fn told(&self) -> Vec<(SessionId, String)> {
        let follow = FollowRequest { after: 0, from_now: false };
        let mut stream = Outbox::new(&self.db).follow(&Context::service(), follow).await.unwrap();
        let batch = stream.next().await.unwrap().unwrap();
        let ends = batch.items.into_iter().filter_map(|item| match item.event {
            Some(Event::SessionRevoked(end)) => Some((SessionId::try_from(&end.session_id[..]).unwrap(), end.reason)),
            _ => None,
        });
        ends.collect()
    }

    fn hashes(&self) -> u64 {
        self.auth.hasher.count.load(Ordering::Relaxed)
    }
}

fn anonymous() -> Context {
    Context::new(Actor::Anonymous, "test")
}

fn holder(reply: &TokenReply) -> Context {
    let user = UserId::try_from(&reply.user_id[..]).unwrap();
    Context::new(Actor::User(user, session_of(reply)), "test")
}

fn session_of(reply: &TokenReply) -> SessionId {
    SessionId::try_from(&reply.session_id[..]).unwrap()
}

fn registration(name: &str) -> RegisterRequest {
    RegisterRequest { username: name.into(), password: password(name), ..RegisterRequest::default() }
}

fn password(name: &str) -> String {
    format!("the password of {}", name.to_lowercase())
}

fn login(name: &str, device: u8) -> LoginRequest {
    LoginRequest {
        username: name.into(),
        password: password(name),
        device_id: format!("0192f0c1-2345-7abc-8def-0123456789{device:02x}"),
        device_name: format!("device {device}"),
        platform: "test".into(),
        ..LoginRequest::default()
    }
}

/// A provider that keeps what it is given, or fails.
#[derive(Default)]
struct Postman {
    sent: Mutex<Vec<Sms>>,
    failure: Mutex<Option<SmsFailure>>,
}

#[async_trait::async_trait]
impl SmsProvider for Postman {
    async fn send(&self, sms: &Sms, _: Instant) -> Result<(), SmsFailure> {
        self.sent.lock().push(sms.clone());
        self.failure.lock().clone().map_or(Ok(()), Err)
    }
}

/// A user service in memory, which can be away.
#[derive(Default)]
struct Profiles {
    made: Mutex<HashMap<Vec<u8>, OwnProfile>>,
    away: AtomicBool,
}

#[rustfmt::skip]
#[async_trait::async_trait]
impl Users for Profiles {
    async fn create_user(&self, ctx: &Context, request: CreateUserRequest) -> Result<OwnProfile> {
        ctx.require_service()?;
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("away"));
        }
        if request.nickname.contains('\n') {
            return Err(Error::field("nickname", "must not hold control characters"));
        }
        let CreateUserRequest { user_id, username, nickname, phone } = request;
        let profile = OwnProfile { user_id: user_id.clone(), username, nickname, phone, ..OwnProfile::default() };
        Ok(self.made.lock().entry(user_id).or_insert(profile).clone())
    }

    async fn set_phone(&self, ctx: &Context, request: SetPhoneRequest) -> Result<SetPhoneReply> {
        ctx.require_service()?;
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("away"));
        }
        self.made.lock().get_mut(&request.user_id).ok_or_else(|| Error::not_found("profile"))?.phone = request.phone;
        Ok(SetPhoneReply {})
    }
    async fn rename_user(&self, ctx: &Context, request: RenameUserRequest) -> Result<RenameUserReply> {
        ctx.require_service()?;
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("away"));
        }
        self.made.lock().get_mut(&request.user_id).unwrap().username = request.username;
        Ok(RenameUserReply {})
    }
    async fn get_me(&self, _: &Context, _: GetMeRequest) -> Result<OwnProfile> { unreachable!() }
    async fn get_users(&self, _: &Context, request: GetUsersRequest) -> Result<GetUsersReply> {
        let made = self.made.lock();
        let found = request.user_ids.iter().filter_map(|id| made.get(id));
        let users = found.map(|own| PublicProfile { user_id: own.user_id.clone(), username: own.username.clone(), ..PublicProfile::default() });
        Ok(GetUsersReply { users: users.collect() })
    }
    async fn sync_profile(&self, _: &Context, _: SyncProfileRequest) -> Result<SyncProfileReply> { unreachable!() }
    async fn close_profile(&self, _: &Context, _: CloseProfileRequest) -> Result<CloseProfileReply> { unreachable!() }
    async fn update_profile(&self, _: &Context, _: UpdateProfileRequest) -> Result<OwnProfile> { unreachable!() }
    async fn note_seen(&self, _: &Context, _: NoteSeenRequest) -> Result<NoteSeenReply> { unreachable!() }
    async fn list_seen(&self, _: &Context, _: ListSeenRequest) -> Result<ListSeenReply> { unreachable!() }
    async fn list_changed(&self, _: &Context, _: ListChangedRequest) -> Result<ListChangedReply> { unreachable!() }
    async fn get_privacy(&self, _: &Context, _: GetPrivacyRequest) -> Result<Privacy> { unreachable!() }
    async fn list_privacy(&self, _: &Context, _: ListPrivacyRequest) -> Result<ListPrivacyReply> { unreachable!() }
    async fn update_privacy(&self, _: &Context, _: UpdatePrivacyRequest) -> Result<Privacy> { unreachable!() }
}
