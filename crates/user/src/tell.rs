//! Telling a person's own devices what is new about them, in the transaction that changes it.

use anser_contract::v1::{UserUpdated, service_event::Event};
use anser_engine::Tx;
use anser_types::{Error, Result, Timestamp, UserId};

use crate::store;

/// Tells `user`'s devices their profile as it is now.
pub(crate) fn updated(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<()> {
    let me = store::profile(tx, user)?.ok_or_else(|| Error::not_found("profile"))?;
    tx.emit(now, Event::UserUpdated(UserUpdated { user_id: user.to_vec(), version: me.version, me: Some(me) }))
}
