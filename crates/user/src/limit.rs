//! How often a person may change what others see of them: each change is told to every friend, so it has a price.
//!
//! One number a person, the time at which all their changes are theirs again (the generic cell rate algorithm).

use anser_engine::Tx;
use anser_types::{Error, Result, Timestamp, UserId};

use crate::store;

const HOUR_MS: i64 = 3_600_000;

/// Takes one of `user`'s `count` changes an hour, or says when there will be one.
pub(crate) fn take(tx: &mut Tx<'_>, user: UserId, count: u32, now: Timestamp) -> Result<()> {
    let each = HOUR_MS / i64::from(count.max(1));
    // A time beyond a full hour's worth was written before the clock was set back.
    let full_at = store::changes_full_at(tx, user)?.min(now + HOUR_MS);
    let next = full_at.max(now) + each;
    let wait = next - now - HOUR_MS;
    if wait > 0 {
        return Err(Error::rate_limited(wait as u64));
    }
    store::set_changes_full_at(tx, user, next)
}
