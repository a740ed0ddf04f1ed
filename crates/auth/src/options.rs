//! What can be set about accounts and sessions, and the secrets they rest on.

use std::{fmt, ops::RangeInclusive, time::Duration};

use anser_types::{Error, Result, Timestamp};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};

/// Settings, none of them secret.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// Who issues access tokens (`iss`).
    pub issuer: String,
    /// For whom they are (`aud`).
    pub audience: String,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good if it is not used; each use begins it anew.
    pub refresh_sliding_ttl: Duration,
    /// How long a session lives however often it is refreshed.
    pub refresh_absolute_ttl: Duration,
    /// How often a refresh token may come back after it was followed.
    pub refresh_repeats: u32,
    /// How long a refresh token may come back after its successor was first used.
    pub refresh_overlap: Duration,
    /// How long a password may be, in bytes.
    pub password_bytes: RangeInclusive<usize>,
    /// The longest user name, in bytes.
    pub username_bytes: usize,
    /// How long a WebSocket ticket is good.
    pub ticket_ttl: Duration,
    /// Open sessions of one person; one more ends the oldest.
    pub sessions_a_user: usize,
    /// Open sessions with an opaque token of one person, counted apart; one more ends the oldest.
    pub opaque_sessions_a_user: usize,
    /// Codes sent to phones.
    pub codes: CodeOptions,
    /// Logins a minute from one address; 0: no limit.
    pub logins_a_minute_per_ip: u32,
    /// Logins a minute into one name; 0: no limit.
    pub logins_a_minute_per_name: u32,
    /// Registrations a minute from one address; 0: no limit.
    pub registrations_a_minute_per_ip: u32,
    /// What a password hash costs.
    pub hash: HashCost,
    /// How many passwords are hashed at once; 0: as many as there are cores.
    pub hashes_at_once: usize,
    /// How many may wait for that before `unavailable`.
    pub hash_queue: usize,
}

impl Default for AuthOptions {
    fn default() -> Self {
        const DAY: u64 = 24 * 3600;
        Self {
            issuer: "anser".into(),
            audience: "anser".into(),
            access_ttl: Duration::from_secs(10 * 60),
            refresh_sliding_ttl: Duration::from_secs(30 * DAY),
            refresh_absolute_ttl: Duration::from_secs(180 * DAY),
            refresh_repeats: 3,
            refresh_overlap: Duration::from_secs(30),
            password_bytes: 6..=128,
            username_bytes: 64,
            ticket_ttl: Duration::from_secs(30),
            sessions_a_user: 20,
            opaque_sessions_a_user: 5,
            codes: CodeOptions::default(),
            logins_a_minute_per_ip: 10,
            logins_a_minute_per_name: 5,
            registrations_a_minute_per_ip: 10,
            hash: HashCost::default(),
            hashes_at_once: 0,
            hash_queue: 64,
        }
    }
}

impl AuthOptions {
    /// Until when a refresh token is good that is given at `now` to a session made at `created_at`.
    pub(crate) fn refresh_expiry(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        let sliding = now + self.refresh_sliding_ttl.as_millis() as i64;
        sliding.min(created_at + self.refresh_absolute_ttl.as_millis() as i64)
    }

    /// Until when an opaque session lives that is used at `now`.
    pub(crate) fn opaque_expiry(&self, now: Timestamp) -> Timestamp {
        now + self.refresh_sliding_ttl.as_millis() as i64
    }
}

/// Codes sent to phones: how long they are good, how often they are sent.
#[derive(Clone, Debug)]
pub struct CodeOptions {
    /// The countries whose numbers are served (ISO 3166-1, two capital letters); none: all.
    pub countries: Vec<String>,
    /// How long a code is good.
    pub life: Duration,
    /// How many tries a code has.
    pub tries: u32,
    /// The pause before the second code to one number; further ones wait longer.
    pub cooldown: Duration,
    /// Codes a minute asked for from one address; 0: no limit.
    pub a_minute_per_ip: u32,
    /// Codes a minute to one range of ten thousand numbers; 0: no limit.
    pub a_minute_per_range: u32,
    /// Codes a day in all; 0: no limit.
    pub a_day: u32,
    /// Phone numbers that one person may look up a minute; 0: no limit.
    pub lookups_a_minute: u32,
}

impl Default for CodeOptions {
    fn default() -> Self {
        Self {
            countries: vec!["CN".into()],
            life: Duration::from_secs(5 * 60),
            tries: 5,
            cooldown: Duration::from_secs(60),
            a_minute_per_ip: 5,
            a_minute_per_range: 10,
            a_day: 10_000,
            lookups_a_minute: 10,
        }
    }
}

/// What argon2id is asked to spend on one password.
#[derive(Clone, Copy, Debug)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// What must stay secret and must stay the same over restarts. There is no default; a first start makes them.
#[derive(Clone)]
pub struct AuthSecrets {
    /// The P-256 key that signs access tokens, PKCS #8 ([`generate_signing_key`]).
    pub signing_key_pkcs8: Vec<u8>,
    /// Goes into tokens, their hashes and those of phone codes and idempotent requests. 32 random bytes.
    pub refresh_pepper: [u8; 32],
}

impl fmt::Debug for AuthSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthSecrets(…)")
    }
}

/// A new key for signing access tokens, as PKCS #8.
pub fn generate_signing_key() -> Result<Vec<u8>> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map(|document| document.as_ref().to_vec())
        .map_err(|_| Error::internal("no randomness for a signing key"))
}
