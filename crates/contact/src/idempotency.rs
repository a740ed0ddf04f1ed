//! Idempotency keys of this service's calls: what a request asks for, as a keyed hash.

use anser_engine::Once;
use anser_types::UserId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) struct Fingerprints {
    secret: [u8; 32],
}

impl Fingerprints {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// `user`'s call of `route` under `key` that asks for `parts`.
    pub(crate) fn once(&self, user: UserId, route: &'static str, key: String, parts: &[&[u8]]) -> Once {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        for part in std::iter::once(&route.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Once { user: user.to_vec(), route, key, body_hash: mac.finalize().into_bytes().to_vec() }
    }
}
