//! Profiles: the words people see of each other, who may do what about a person, and when they were last online.
//!
//! - **Tables**: `user_profile`.
//! - **Calls**: nobody.
//! - **Tells**: `UserUpdated` to the person's own devices, in the transaction that changes their profile or settings.
//! - **Holds always**: a profile is made once for a user id; its version only rises; what a person sees of others
//!   (`PublicProfile`) is a part of what they see of themselves (`OwnProfile`), and no phone number is in it.
//!
//! Here does not live: passwords, sessions, whether a user name or a phone number is well formed or taken (auth),
//! friendships (contact).

mod close_profile;
mod create_user;
mod get_me;
mod get_privacy;
mod get_users;
mod limit;
mod list_changed;
mod list_privacy;
mod list_seen;
mod note_seen;
mod set_phone;
mod set_username;
mod store;
mod sync_profile;
mod tell;
#[cfg(test)]
mod tests;
mod update_privacy;
mod update_profile;

use anser_contract::{
    Actor, Context,
    v1::{
        CloseProfileReply, CloseProfileRequest, CreateUserRequest, GetMeRequest, GetPrivacyRequest, GetUsersReply,
        GetUsersRequest, ListChangedReply, ListChangedRequest, ListPrivacyReply, ListPrivacyRequest, ListSeenReply,
        ListSeenRequest, NoteSeenReply, NoteSeenRequest, OwnProfile, Privacy, RenameUserReply, RenameUserRequest,
        SetPhoneReply, SetPhoneRequest, SyncProfileReply, SyncProfileRequest, UpdatePrivacyRequest,
        UpdateProfileRequest, Users,
    },
};
use anser_engine::{Db, Fingerprints, Migration};
use anser_types::{Action, Clock, Result, Standing, authorise};

pub use set_username::ProfileKeeper;

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration { service: "user", number: 1, sql: include_str!("../migrations/0001_profile.sql") },
    Migration { service: "user", number: 2, sql: include_str!("../migrations/0002_changes.sql") },
    Migration { service: "user", number: 3, sql: include_str!("../migrations/0003_closed.sql") },
    Migration { service: "user", number: 4, sql: include_str!("../migrations/0004_seen.sql") },
    Migration { service: "user", number: 5, sql: include_str!("../migrations/0005_phone.sql") },
    Migration { service: "user", number: 6, sql: include_str!("../migrations/0006_made.sql") },
];

/// What can be set about profiles.
#[derive(Clone, Debug)]
pub struct UserOptions {
    /// How many profiles one call may ask for.
    pub profiles_a_call: usize,
    /// The longest nickname, in bytes.
    pub nickname_bytes: usize,
    /// The longest signature, in bytes.
    pub signature_bytes: usize,
    /// How often a person may change what others see of them, an hour.
    pub changes_an_hour: u32,
}

impl Default for UserOptions {
    fn default() -> Self {
        Self { profiles_a_call: 200, nickname_bytes: 64, signature_bytes: 256, changes_an_hour: 60 }
    }
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct UserService {
    db: Db,
    options: UserOptions,
    clock: Clock,
    fingerprints: Fingerprints,
}

impl UserService {
    /// The service over its tables in `db`. `secret` goes into the hashes of idempotent requests: the same in every start.
    pub fn new(db: &Db, secret: [u8; 32], options: UserOptions, clock: Clock) -> Self {
        Self { db: db.scoped("user"), options, clock, fingerprints: Fingerprints::new(secret) }
    }
}

#[async_trait::async_trait]
impl Users for UserService {
    async fn create_user(&self, ctx: &Context, request: CreateUserRequest) -> Result<OwnProfile> {
        create_user::create_user(self, ctx, request).await
    }

    async fn get_me(&self, ctx: &Context, _: GetMeRequest) -> Result<OwnProfile> {
        get_me::get_me(self, ctx).await
    }

    async fn get_users(&self, ctx: &Context, request: GetUsersRequest) -> Result<GetUsersReply> {
        get_users::get_users(self, ctx, request).await
    }

    async fn sync_profile(&self, ctx: &Context, request: SyncProfileRequest) -> Result<SyncProfileReply> {
        sync_profile::sync_profile(self, ctx, request).await
    }

    async fn update_profile(&self, ctx: &Context, request: UpdateProfileRequest) -> Result<OwnProfile> {
        update_profile::update_profile(self, ctx, request).await
    }

    async fn rename_user(&self, ctx: &Context, request: RenameUserRequest) -> Result<RenameUserReply> {
        set_username::rename_user(self, ctx, request).await
    }

    async fn list_changed(&self, ctx: &Context, request: ListChangedRequest) -> Result<ListChangedReply> {
        list_changed::list_changed(self, ctx, request).await
    }

    async fn set_phone(&self, ctx: &Context, request: SetPhoneRequest) -> Result<SetPhoneReply> {
        set_phone::set_phone(self, ctx, request).await
    }

    async fn close_profile(&self, ctx: &Context, request: CloseProfileRequest) -> Result<CloseProfileReply> {
        close_profile::close_profile(self, ctx, request).await
    }

    async fn note_seen(&self, ctx: &Context, request: NoteSeenRequest) -> Result<NoteSeenReply> {
        note_seen::note_seen(self, ctx, request).await
    }

    async fn list_seen(&self, ctx: &Context, request: ListSeenRequest) -> Result<ListSeenReply> {
        list_seen::list_seen(self, ctx, request).await
    }

    async fn get_privacy(&self, ctx: &Context, request: GetPrivacyRequest) -> Result<Privacy> {
        get_privacy::get_privacy(self, ctx, request).await
    }

    async fn list_privacy(&self, ctx: &Context, request: ListPrivacyRequest) -> Result<ListPrivacyReply> {
        list_privacy::list_privacy(self, ctx, request).await
    }

    async fn update_privacy(&self, ctx: &Context, request: UpdatePrivacyRequest) -> Result<Privacy> {
        update_privacy::update_privacy(self, ctx, request).await
    }
}

/// Services of ours may read any public profile; of clients only those who are signed in.
fn may_read_profiles(ctx: &Context) -> Result<()> {
    match ctx.actor {
        Actor::Service => Ok(()),
        _ => ctx.user().and_then(|_| authorise(Action::ReadProfile, Standing::Person)),
    }
}
