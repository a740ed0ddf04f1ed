//! Friends, as each side sees them.

use anser_contract::v1;
use anser_engine::{Reader, Row, Tx};
use anser_types::{Result, UserId};

/// A row of somebody's friends, with the version it changed at.
pub(crate) struct FriendRow {
    pub(crate) friend: v1::Friend,
    pub(crate) removed: bool,
    pub(crate) version: i64,
}

// A category that was deleted is still named by its friends: whoever reads a friend looks whether it is there.
macro_rules! select_friend {
    ($rest:literal) => {
        concat!(
            "SELECT f.friend_id, f.since_at, f.conversation_id, f.removed, f.changed_version, f.remark, c.category_id ",
            "FROM contact_friend f LEFT JOIN contact_category c ",
            "ON c.user_id = f.user_id AND c.category_id = f.category_id ",
            $rest
        )
    };
}

fn friend_row(row: &Row<'_>) -> Result<FriendRow> {
    Ok(FriendRow {
        friend: v1::Friend {
            user_id: row.blob(0)?,
            since_at: row.int(1)?,
            conversation_id: row.blob(2)?,
            remark: row.text(5)?,
            category_id: row.opt_blob(6)?.unwrap_or_default(),
        },
        removed: row.flag(3)?,
        version: row.int(4)?,
    })
}

/// Friends after an id, in the order of ids.
pub(crate) fn friends(reader: &Reader<'_>, user: UserId, after: Option<UserId>, limit: i64) -> Result<Vec<v1::Friend>> {
    let after = after.unwrap_or_default();
    let rows = reader.rows(
        select_friend!("WHERE f.user_id = ? AND f.friend_id > ? AND f.removed = 0 ORDER BY f.friend_id LIMIT ?"),
        &[(&user).into(), (&after).into(), limit.into()],
        friend_row,
    )?;
    Ok(rows.into_iter().map(|row| row.friend).collect())
}

/// Somebody's friend, if they are one now.
pub(crate) fn friend(reader: &Reader<'_>, user: UserId, friend: UserId) -> Result<Option<v1::Friend>> {
    let row = reader.row(
        select_friend!("WHERE f.user_id = ? AND f.friend_id = ? AND f.removed = 0"),
        &[(&user).into(), (&friend).into()],
        friend_row,
    )?;
    Ok(row.map(|row| row.friend))
}

/// Friends and former friends that changed after a version, in the order of versions.
pub(crate) fn friends_since(reader: &Reader<'_>, user: UserId, since: i64, limit: i64) -> Result<Vec<FriendRow>> {
    reader.rows(
        select_friend!("WHERE f.user_id = ? AND f.changed_version > ? ORDER BY f.changed_version LIMIT ?"),
        &[(&user).into(), since.into(), limit.into()],
        friend_row,
    )
}

/// Stores somebody's friend as they are to be seen.
pub(crate) fn put_friend(tx: &mut Tx<'_>, user: UserId, friend: &v1::Friend, version: i64) -> Result<()> {
    let changed = tx.exec(
        "UPDATE contact_friend SET conversation_id = ?, since_at = ?, remark = ?, category_id = ?, removed = 0,
             changed_version = ?
         WHERE user_id = ? AND friend_id = ?",
        &[
            (&friend.conversation_id).into(),
            friend.since_at.into(),
            (&friend.remark).into(),
            (&friend.category_id).into(),
            version.into(),
            (&user).into(),
            (&friend.user_id).into(),
        ],
    )?;
    if changed == 0 {
        tx.exec(
            "INSERT INTO contact_friend (user_id, friend_id, conversation_id, since_at, remark, category_id, removed,
                 changed_version)
             VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
            &[
                (&user).into(),
                (&friend.user_id).into(),
                (&friend.conversation_id).into(),
                friend.since_at.into(),
                (&friend.remark).into(),
                (&friend.category_id).into(),
                version.into(),
            ],
        )?;
    }
    Ok(())
}

/// A friend no longer. What was noted about them goes; the row stays, so that a device that was away learns of it.
pub(crate) fn remove_friend(tx: &mut Tx<'_>, user: UserId, friend: UserId, version: i64) -> Result<()> {
    tx.exec(
        "UPDATE contact_friend SET removed = 1, remark = '', category_id = ?, changed_version = ?
         WHERE user_id = ? AND friend_id = ?",
        &[[].as_slice().into(), version.into(), (&user).into(), (&friend).into()],
    )
    .map(|_| ())
}

/// Forgets how somebody saw their friends, some of them; answers whether there were any.
pub(crate) fn forget_friends(tx: &mut Tx<'_>, user: UserId, limit: i64) -> Result<bool> {
    let friends = tx.rows(
        "SELECT friend_id FROM contact_friend WHERE user_id = ? LIMIT ?",
        &[(&user).into(), limit.into()],
        |row| row.id::<UserId>(0),
    )?;
    for friend in &friends {
        tx.exec("DELETE FROM contact_friend WHERE user_id = ? AND friend_id = ?", &[(&user).into(), friend.into()])?;
    }
    Ok(!friends.is_empty())
}
