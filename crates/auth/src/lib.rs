//! Accounts' credentials, device sessions and tokens.
//!
//! - **Tables**: `auth_account` (login names and password hashes), `auth_session`, `auth_refresh` (hashed tokens).
//! - **Calls**: user (`CreateUser`, while registering; `RenameUser`, when somebody takes another name).
//! - **Tells**: `SessionRevoked`, in the transaction that ends the session.
//! - **Holds always**: one account for each name, also under concurrent registration and after it was closed; a
//!   disabled account is to everybody but the operator as if it were not there; an unknown name and a wrong
//!   password cost the same work and get the same words; one open session for each device of a person, and a bounded
//!   number of them; a refresh token leads to one successor, and its late reuse ends the session; no password or token
//!   is stored, logged or printed in the clear.
//!
//! Here does not live: profiles (user), the checking of access tokens on each request (gateway), who may do what (types).
//!
//! Tickets and rate limits live in the memory of the process that runs this service; all else is in the store.

mod admin;
mod change_password;
mod change_username;
mod check_sessions;
mod close_account;
mod confirm;
mod device;
mod end_session;
mod ended_since;
mod find_by_username;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod get_verify_keys;
mod jwt;
mod limiter;
mod list_sessions;
mod login;
mod options;
mod password;
mod refresh;
mod refresh_token;
mod register;
mod session;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod ticket;
mod tickets;
mod username;

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        Auth, ChangePasswordReply, ChangePasswordRequest, ChangeUsernameReply, ChangeUsernameRequest,
        CheckSessionsReply, CheckSessionsRequest, CloseAccountReply, CloseAccountRequest, EndSessionReply,
        EndSessionRequest, EndedSinceReply, EndedSinceRequest, FindByUsernameReply, FindByUsernameRequest,
        FinishClosingReply, FinishClosingRequest, GetVerifyKeysReply, GetVerifyKeysRequest, ListClosingReply,
        ListClosingRequest, ListSessionsReply, ListSessionsRequest, LoginRequest, MintTicketReply, MintTicketRequest,
        RedeemTicketRequest, RefreshRequest, RegisterReply, RegisterRequest, SessionClaims, TokenReply, Users,
    },
};
use anser_engine::{Db, Migration};
use anser_types::{Clock, Code, Error, Result};

pub use admin::AccountKeeper;
pub use options::{AuthOptions, AuthSecrets, HashCost, generate_signing_key};

use crate::{
    jwt::Signer,
    limiter::{Limiter, Source},
    password::Hasher,
    refresh_token::Pepper,
    tickets::Tickets,
};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration { service: "auth", number: 1, sql: include_str!("../migrations/0001_sessions.sql") },
    Migration { service: "auth", number: 2, sql: include_str!("../migrations/0002_closing.sql") },
];

/// The service.
pub struct AuthService {
    db: Db,
    users: Arc<dyn Users>,
    options: AuthOptions,
    clock: Clock,
    signer: Signer,
    pepper: Arc<Pepper>,
    hasher: Hasher,
    tickets: Tickets,
    logins_by_ip: Limiter<Source>,
    logins_by_name: Limiter<String>,
    registrations_by_ip: Limiter<Source>,
}

impl AuthService {
    /// The service over its tables in `db`. Refuses a signing key or a hash cost that cannot be used. [`Self::start`]
    /// begins its background work.
    pub fn new(
        db: &Db,
        users: Arc<dyn Users>,
        secrets: &AuthSecrets,
        options: AuthOptions,
        clock: Clock,
    ) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            db: db.scoped("auth"),
            users,
            signer: Signer::new(&secrets.signing_key_pkcs8)?,
            pepper: Arc::new(Pepper::new(&secrets.refresh_pepper)),
            hasher: Hasher::new(&options)?,
            tickets: Tickets::new(options.ticket_ttl.as_millis() as i64),
            logins_by_ip: Limiter::new("logins_by_ip", options.logins_a_minute_per_ip),
            logins_by_name: Limiter::new("logins_by_name", options.logins_a_minute_per_name),
            registrations_by_ip: Limiter::new("registrations_by_ip", options.registrations_a_minute_per_ip),
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

fn unauthenticated(detail: &'static str) -> Error {
    Error::new(Code::Unauthenticated, detail)
}
