//! The idempotency key of a call: checked, and bound to what was asked.

use anser_engine::Once;
use anser_types::{Error, Result, UserId};
use sha2::{Digest, Sha256};

use crate::Messaging;

const LONGEST: usize = 64;

/// `user`'s call of `route` under `key`. `asked` is all that the key must stand for, without the key itself.
pub fn once(room: &Messaging, user: UserId, route: &'static str, key: &str, asked: &[&[u8]]) -> Result<Once> {
    if key.len() > LONGEST || !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Error::field("idempotency_key", format!("1 to {LONGEST} printable characters")));
    }
    let mut hash = Sha256::new();
    hash.update(room.options.page_key);
    for part in asked {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(Once { user: user.to_vec(), route, key: key.to_owned(), body_hash: hash.finalize().to_vec() })
}
