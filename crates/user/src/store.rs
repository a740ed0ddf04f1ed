//! Every statement of this service.

use anser_contract::v1::OwnProfile;
use anser_engine::{Reader, Tx};
use anser_types::{Result, Timestamp, UserId};

/// Stores a new profile; answers whether the id was free.
pub(crate) fn insert_profile(
    tx: &mut Tx<'_>,
    user: UserId,
    username: &str,
    nickname: &str,
    now: Timestamp,
) -> Result<bool> {
    tx.insert_new(
        "INSERT INTO user_profile (user_id, username, nickname, avatar, signature, created_at, version)
         VALUES (?, ?, ?, '', '', ?, 1)",
        &[(&user).into(), username.into(), nickname.into(), now.into()],
    )
}

pub(crate) fn profile(reader: &Reader<'_>, user: UserId) -> Result<Option<OwnProfile>> {
    reader.row(
        "SELECT username, nickname, avatar, signature, created_at, version FROM user_profile WHERE user_id = ?",
        &[(&user).into()],
        |row| {
            Ok(OwnProfile {
                user_id: user.to_vec(),
                username: row.text(0)?,
                nickname: row.text(1)?,
                avatar: row.text(2)?,
                signature: row.text(3)?,
                created_at: row.int(4)?,
                version: row.int(5)?,
            })
        },
    )
}
