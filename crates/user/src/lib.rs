//! Profiles: the words people see of each other.
//!
//! - **Tables**: `user_profile`.
//! - **Calls**: nobody.
//! - **Tells**: `UserUpdated` once profiles can be edited; nothing yet.
//! - **Holds always**: a profile is made once for a user id; its version only rises; what a person sees of others
//!   ([`PublicProfile`]) is a part of what they see of themselves ([`OwnProfile`]).
//!
//! Here does not live: passwords, sessions, whether a user name is well formed or taken (auth), friendships (contact).

mod create_user;
mod get_me;
mod get_users;
mod store;
mod sync_profile;
#[cfg(test)]
mod tests;

use anser_contract::{
    Actor, Context,
    v1::{
        CreateUserRequest, GetMeRequest, GetUsersReply, GetUsersRequest, OwnProfile, PublicProfile, SyncProfileReply,
        SyncProfileRequest, Users,
    },
};
use anser_engine::{Db, Migration};
use anser_types::{Action, Clock, Result, Standing, authorise};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] =
    &[Migration { service: "user", number: 1, sql: include_str!("../migrations/0001_profile.sql") }];

/// What can be set about profiles.
#[derive(Clone, Debug)]
pub struct UserOptions {
    /// How many profiles one call may ask for.
    pub profiles_a_call: usize,
    /// The longest nickname, in bytes.
    pub nickname_bytes: usize,
}

impl Default for UserOptions {
    fn default() -> Self {
        Self { profiles_a_call: 200, nickname_bytes: 64 }
    }
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct UserService {
    db: Db,
    options: UserOptions,
    clock: Clock,
}

impl UserService {
    /// The service over its tables in `db`.
    pub fn new(db: &Db, options: UserOptions, clock: Clock) -> Self {
        Self { db: db.scoped("user"), options, clock }
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
}

/// Services of ours may read any public profile; of clients only those who are signed in.
fn may_read_profiles(ctx: &Context) -> Result<()> {
    match ctx.actor {
        Actor::Service => Ok(()),
        _ => ctx.user().and_then(|_| authorise(Action::ReadProfile, Standing::Person)),
    }
}

fn public(profile: OwnProfile) -> PublicProfile {
    let OwnProfile { user_id, username, nickname, avatar, signature, .. } = profile;
    PublicProfile { user_id, username, nickname, avatar, signature }
}
