//! How far friends have been told of changed profiles.

use anser_engine::{Reader, Tx};
use anser_types::{Result, UserId};

/// All changes through `through` are told; of the change `at_no` the friends up to `friend_after` know.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProfileCursor {
    pub(crate) through: i64,
    pub(crate) at_no: i64,
    pub(crate) friend_after: Vec<u8>,
}

pub(crate) fn profile_cursor(reader: &Reader<'_>) -> Result<ProfileCursor> {
    let found =
        reader.row("SELECT through, at_no, friend_after FROM contact_profile_cursor WHERE id = 1", &[], |row| {
            Ok(ProfileCursor { through: row.int(0)?, at_no: row.int(1)?, friend_after: row.blob(2)? })
        })?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn set_profile_cursor(tx: &mut Tx<'_>, cursor: &ProfileCursor) -> Result<()> {
    tx.exec(
        "UPDATE contact_profile_cursor SET through = ?, at_no = ?, friend_after = ? WHERE id = 1",
        &[cursor.through.into(), cursor.at_no.into(), (&cursor.friend_after).into()],
    )
    .map(|_| ())
}

/// Notes at a version of `user` that there is something new about one of their friends.
pub(crate) fn touch_friend(tx: &mut Tx<'_>, user: UserId, friend: UserId, version: i64) -> Result<()> {
    tx.exec(
        "UPDATE contact_friend SET changed_version = ? WHERE user_id = ? AND friend_id = ? AND removed = 0",
        &[version.into(), (&user).into(), (&friend).into()],
    )
    .map(|_| ())
}
