//! What a request with an idempotency key asks for, as a keyed hash: so that a repeat is known and its content is not.

use anser_types::UserId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Once;

/// Makes the fingerprints of one service's calls.
#[derive(Clone)]
pub struct Fingerprints {
    secret: [u8; 32],
}

impl Fingerprints {
    /// With a secret that is the same in every start.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// `user`'s call of `route` under `key` that asks for `parts`.
    pub fn once(&self, user: UserId, route: &'static str, key: String, parts: &[impl AsRef<[u8]>]) -> Once {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        for part in std::iter::once(route.as_bytes()).chain(parts.iter().map(AsRef::as_ref)) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Once { user: user.to_vec(), route, key, body_hash: mac.finalize().into_bytes().to_vec() }
    }

    /// A part that may be missing, which is not the same as empty.
    pub fn optional(part: &Option<impl AsRef<[u8]>>) -> Vec<u8> {
        match part {
            Some(part) => [b"=", part.as_ref()].concat(),
            None => Vec::new(),
        }
    }
}
