//! Accounts' credentials, phone codes, device sessions and tokens.
//!
//! - **Tables**: `auth_account` (login names, password hashes, phone numbers), `auth_session`, `auth_refresh` and
//!   `auth_opaque` (hashed tokens), `auth_code` (hashed codes), `auth_code_pace`, `auth_code_day`.
//! - **Calls**: user (`CreateUser`, while registering; `SetPhone`; `RenameUser`, when somebody takes another name), and the provider of short messages ([`sms`]).
//! - **Tells**: `SessionRevoked`, in the transaction that ends the session.
//! - **Holds always**: one account for each name, also under concurrent registration and after it was closed; one at most
//!   for each phone number; a code is good for one number and purpose, once, and what a number is to us is told to
//!   nobody without one; a
//!   disabled account is to everybody but the operator as if it were not there; an unknown name and a wrong
//!   password cost the same work and get the same words; one open session with tokens for each device of a person, and a
//!   bounded number of them, of opaque ones too; a refresh token leads to one successor, and its late reuse ends the session; no password, code
//!   or token is stored, logged or printed in the clear.
//!
//! Here does not live: profiles (user), the checking of access tokens on each request (gateway), who may do what (types).
//!
//! Tickets and rate limits live in the memory of the process that runs this service; all else is in the store.

mod admin;
mod change_password;
mod change_phone;
mod change_username;
mod check_sessions;
mod close_account;
mod codes;
mod confirm;
mod device;
mod end_session;
mod ended_since;
mod find_by_phone;
mod find_by_username;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod get_verify_keys;
mod jwt;
mod limiter;
mod list_sessions;
mod login;
mod login_by_phone;
mod options;
mod password;
mod phone;
mod refresh;
mod refresh_token;
mod register;
mod register_by_phone;
mod request_code;
mod reset_password;
mod resolve;
mod session;
mod session_token;
pub mod sms;
mod store;
mod sweep;
mod tell_phone;
#[cfg(test)]
mod tests;
mod ticket;
mod tickets;
mod username;

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        Auth, ChangePasswordReply, ChangePasswordRequest, ChangePhoneReply, ChangePhoneRequest, ChangeUsernameReply,
        ChangeUsernameRequest, CheckSessionsReply, CheckSessionsRequest, CloseAccountReply, CloseAccountRequest,
        EndSessionReply, EndSessionRequest, EndedSinceReply, EndedSinceRequest, FindByPhoneRequest,
        FindByUsernameReply, FindByUsernameRequest, FinishClosingReply, FinishClosingRequest, GetVerifyKeysReply,
        GetVerifyKeysRequest, ListClosingReply, ListClosingRequest, ListSessionsReply, ListSessionsRequest,
        LoginByPhoneRequest, LoginRequest, MintTicketReply, MintTicketRequest, OpaqueSessions, Phones,
        RedeemTicketRequest, RefreshRequest, RegisterByPhoneRequest, RegisterReply, RegisterRequest, RequestCodeReply,
        RequestCodeRequest, ResetByPhoneReply, ResetByPhoneRequest, ResolveRequest, SessionClaims, TokenReply, Users,
    },
};
use anser_engine::{Db, Migration};
use anser_types::{Clock, Code, Error, Result, UserId};

pub use admin::AccountKeeper;
pub use options::{AuthOptions, AuthSecrets, CodeOptions, HashCost, generate_signing_key};

use crate::{
    jwt::Signer,
    limiter::{Limiter, Source},
    password::Hasher,
    refresh_token::Pepper,
    sms::SmsProvider,
    tickets::Tickets,
};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration { service: "auth", number: 1, sql: include_str!("../migrations/0001_sessions.sql") },
    Migration { service: "auth", number: 2, sql: include_str!("../migrations/0002_closing.sql") },
    Migration { service: "auth", number: 3, sql: include_str!("../migrations/0003_phones.sql") },
];

/// The service.
pub struct AuthService {
    db: Db,
    users: Arc<dyn Users>,
    sms: Arc<dyn SmsProvider>,
    options: AuthOptions,
    clock: Clock,
    signer: Signer,
    pepper: Arc<Pepper>,
    hasher: Hasher,
    tickets: Tickets,
    logins_by_ip: Limiter<Source>,
    logins_by_name: Limiter<String>,
    registrations_by_ip: Limiter<Source>,
    codes_by_ip: Limiter<Source>,
    codes_by_range: Limiter<String>,
    phones_looked_up: Limiter<UserId>,
    /// Held while user is told of phone numbers.
    telling: tokio::sync::Mutex<()>,
}

impl AuthService {
    /// The service over its tables in `db`. Refuses a signing key or a hash cost that cannot be used. [`Self::start`]
    /// begins its background work.
    pub fn new(
        db: &Db,
        users: Arc<dyn Users>,
        sms: Arc<dyn SmsProvider>,
        secrets: &AuthSecrets,
        options: AuthOptions,
        clock: Clock,
    ) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            db: db.scoped("auth"),
            users,
            sms,
            signer: Signer::new(&secrets.signing_key_pkcs8)?,
            pepper: Arc::new(Pepper::new(&secrets.refresh_pepper)),
            hasher: Hasher::new(&options)?,
            tickets: Tickets::new(options.ticket_ttl.as_millis() as i64),
            logins_by_ip: Limiter::new("logins_by_ip", options.logins_a_minute_per_ip),
            logins_by_name: Limiter::new("logins_by_name", options.logins_a_minute_per_name),
            registrations_by_ip: Limiter::new("registrations_by_ip", options.registrations_a_minute_per_ip),
            codes_by_ip: Limiter::new("codes_by_ip", options.codes.a_minute_per_ip),
            codes_by_range: Limiter::new("codes_by_range", options.codes.a_minute_per_range),
            phones_looked_up: Limiter::new("phones_looked_up", options.codes.lookups_a_minute),
            telling: tokio::sync::Mutex::default(),
            options,
            clock,
        }))
    }

    /// Ends expired sessions and drops what is no longer needed, now and then, until the service is dropped or the
    /// task is aborted.
    pub fn start(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        sweep::start(self)
    }
}

#[async_trait::async_trait]
impl Auth for AuthService {
    async fn register(&self, ctx: &Context, request: RegisterRequest) -> Result<RegisterReply> {
        register::register(self, ctx, request).await
    }

    async fn login(&self, ctx: &Context, request: LoginRequest) -> Result<TokenReply> {
        login::login(self, ctx, request).await
    }

    async fn refresh(&self, _: &Context, request: RefreshRequest) -> Result<TokenReply> {
        refresh::refresh(self, request).await
    }

    async fn list_sessions(&self, ctx: &Context, _: ListSessionsRequest) -> Result<ListSessionsReply> {
        list_sessions::list_sessions(self, ctx).await
    }

    async fn end_session(&self, ctx: &Context, request: EndSessionRequest) -> Result<EndSessionReply> {
        end_session::end_session(self, ctx, request).await
    }

    async fn change_username(&self, ctx: &Context, request: ChangeUsernameRequest) -> Result<ChangeUsernameReply> {
        change_username::change_username(self, ctx, request).await
    }

    async fn change_password(&self, ctx: &Context, request: ChangePasswordRequest) -> Result<ChangePasswordReply> {
        change_password::change_password(self, ctx, request).await
    }

    async fn close_account(&self, ctx: &Context, request: CloseAccountRequest) -> Result<CloseAccountReply> {
        close_account::close_account(self, ctx, request).await
    }

    async fn list_closing(&self, ctx: &Context, request: ListClosingRequest) -> Result<ListClosingReply> {
        close_account::list_closing(self, ctx, request).await
    }

    async fn finish_closing(&self, ctx: &Context, request: FinishClosingRequest) -> Result<FinishClosingReply> {
        close_account::finish_closing(self, ctx, request).await
    }

    async fn mint_ticket(&self, ctx: &Context, _: MintTicketRequest) -> Result<MintTicketReply> {
        ticket::mint_ticket(self, ctx).await
    }

    async fn redeem_ticket(&self, _: &Context, request: RedeemTicketRequest) -> Result<SessionClaims> {
        ticket::redeem_ticket(self, request).await
    }

    async fn find_by_username(&self, ctx: &Context, request: FindByUsernameRequest) -> Result<FindByUsernameReply> {
        find_by_username::find_by_username(self, ctx, request).await
    }

    async fn get_verify_keys(&self, _: &Context, _: GetVerifyKeysRequest) -> Result<GetVerifyKeysReply> {
        Ok(get_verify_keys::get_verify_keys(self))
    }

    async fn check_sessions(&self, ctx: &Context, request: CheckSessionsRequest) -> Result<CheckSessionsReply> {
        check_sessions::check_sessions(self, ctx, request).await
    }

    async fn ended_since(&self, ctx: &Context, request: EndedSinceRequest) -> Result<EndedSinceReply> {
        ended_since::ended_since(self, ctx, request).await
    }
}

#[async_trait::async_trait]
impl Phones for AuthService {
    async fn request_code(&self, ctx: &Context, request: RequestCodeRequest) -> Result<RequestCodeReply> {
        phone::table_read().await;
        request_code::request_code(self, ctx, request).await
    }

    async fn register_by_phone(&self, ctx: &Context, request: RegisterByPhoneRequest) -> Result<RegisterReply> {
        phone::table_read().await;
        register_by_phone::register_by_phone(self, ctx, request).await
    }

    async fn login_by_phone(&self, ctx: &Context, request: LoginByPhoneRequest) -> Result<TokenReply> {
        phone::table_read().await;
        login_by_phone::login_by_phone(self, ctx, request).await
    }

    async fn change_phone(&self, ctx: &Context, request: ChangePhoneRequest) -> Result<ChangePhoneReply> {
        phone::table_read().await;
        change_phone::change_phone(self, ctx, request).await
    }

    async fn reset_password(&self, ctx: &Context, request: ResetByPhoneRequest) -> Result<ResetByPhoneReply> {
        phone::table_read().await;
        reset_password::reset_password(self, ctx, request).await
    }

    async fn find_by_phone(&self, ctx: &Context, request: FindByPhoneRequest) -> Result<FindByUsernameReply> {
        phone::table_read().await;
        find_by_phone::find_by_phone(self, ctx, request).await
    }
}

#[async_trait::async_trait]
impl OpaqueSessions for AuthService {
    async fn resolve(&self, _: &Context, request: ResolveRequest) -> Result<SessionClaims> {
        resolve::resolve(self, request).await
    }
}

fn unauthenticated(detail: &'static str) -> Error {
    Error::new(Code::Unauthenticated, detail)
}
