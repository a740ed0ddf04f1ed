//! Every statement of this service.

use anser_contract::v1::{OwnProfile, Privacy, ProfileChange, PublicProfile};
use anser_engine::{Reader, Row, Tx};
use anser_types::{Result, Timestamp, UserId};

/// Stores a new profile, as the next change of all; answers whether the id was free.
pub(crate) fn insert_profile(
    tx: &mut Tx<'_>,
    user: UserId,
    username: &str,
    nickname: &str,
    phone: &str,
    now: Timestamp,
) -> Result<bool> {
    let change_no = tx.number("SELECT MAX(change_no) FROM user_profile", &[])? + 1;
    tx.insert_new(
        "INSERT INTO user_profile (user_id, username, nickname, avatar, signature, phone, created_at, version, change_no)
         VALUES (?, ?, ?, '', '', ?, ?, 1, ?)",
        &[(&user).into(), username.into(), nickname.into(), phone.into(), now.into(), change_no.into()],
    )
}

macro_rules! select_profile {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, username, nickname, avatar, signature, created_at, version, find_me, request_me, presence, ",
            "change_no, closed, phone FROM user_profile ",
            $rest
        )
    };
}

fn own_profile(row: &Row<'_>) -> Result<OwnProfile> {
    Ok(OwnProfile {
        user_id: row.blob(0)?,
        username: row.text(1)?,
        nickname: row.text(2)?,
        avatar: row.text(3)?,
        signature: row.text(4)?,
        created_at: row.int(5)?,
        version: row.int(6)?,
        privacy: Some(Privacy {
            find_me: row.int(7)? as i32,
            request_me: row.int(8)? as i32,
            presence: row.int(9)? as i32,
        }),
        phone: row.text(12)?,
    })
}

/// Somebody's profile, with what only they see; a closed account has nobody to see it.
pub(crate) fn profile(reader: &Reader<'_>, user: UserId) -> Result<Option<OwnProfile>> {
    reader.row(select_profile!("WHERE user_id = ? AND closed = 0"), &[(&user).into()], own_profile)
}

fn public_profile_of(row: &Row<'_>) -> Result<PublicProfile> {
    Ok(PublicProfile {
        user_id: row.blob(0)?,
        username: row.text(1)?,
        nickname: row.text(2)?,
        avatar: row.text(3)?,
        signature: row.text(4)?,
        closed: row.flag(11)?,
    })
}

/// What others see of somebody.
pub(crate) fn public_profile(reader: &Reader<'_>, user: UserId) -> Result<Option<PublicProfile>> {
    reader.row(select_profile!("WHERE user_id = ?"), &[(&user).into()], public_profile_of)
}

/// Stores what others see of somebody; the next version, and the next change of all.
pub(crate) fn update_profile(
    tx: &mut Tx<'_>,
    user: UserId,
    nickname: &str,
    signature: &str,
    avatar: &str,
) -> Result<()> {
    let change_no = tx.number("SELECT MAX(change_no) FROM user_profile", &[])? + 1;
    tx.exec(
        "UPDATE user_profile SET nickname = ?, signature = ?, avatar = ?, version = version + 1, change_no = ? WHERE user_id = ?",
        &[nickname.into(), signature.into(), avatar.into(), change_no.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Stores another user name; the next version, and the next change of all.
pub(crate) fn set_username(tx: &mut Tx<'_>, user: UserId, username: &str) -> Result<()> {
    let change_no = tx.number("SELECT MAX(change_no) FROM user_profile", &[])? + 1;
    tx.exec(
        "UPDATE user_profile SET username = ?, version = version + 1, change_no = ? WHERE user_id = ?",
        &[username.into(), change_no.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Stores another phone number; the next version. Nobody else sees it, so it is no change of all.
pub(crate) fn set_phone(tx: &mut Tx<'_>, user: UserId, phone: &str) -> Result<()> {
    tx.exec(
        "UPDATE user_profile SET phone = ?, version = version + 1 WHERE user_id = ?",
        &[phone.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Profiles that were made or changed after a change, in the order of changes.
pub(crate) fn changed_after(reader: &Reader<'_>, after_no: i64, limit: i64) -> Result<Vec<ProfileChange>> {
    reader.rows(
        select_profile!("WHERE change_no > ? ORDER BY change_no LIMIT ?"),
        &[after_no.into(), limit.into()],
        |row| Ok(ProfileChange { change_no: row.int(10)?, profile: Some(public_profile_of(row)?) }),
    )
}

/// Empties a profile: of its person nothing is left but that they were there.
pub(crate) fn close_profile(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    let change_no = tx.number("SELECT MAX(change_no) FROM user_profile", &[])? + 1;
    tx.exec(
        "UPDATE user_profile SET username = '', nickname = '', avatar = '', signature = '', phone = '', find_me = 3, request_me = 3,
             presence = 3, last_seen_at = 0, closed = 1, version = version + 1, change_no = ?
         WHERE user_id = ? AND closed = 0",
        &[change_no.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Stores who may do what about somebody; the next version. Nobody else sees it, so it is no change of all.
pub(crate) fn update_privacy(tx: &mut Tx<'_>, user: UserId, privacy: &Privacy) -> Result<()> {
    tx.exec(
        "UPDATE user_profile SET find_me = ?, request_me = ?, presence = ?, version = version + 1 WHERE user_id = ?",
        &[privacy.find_me.into(), privacy.request_me.into(), privacy.presence.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Notes that somebody was online; one of a closed account is nobody any more.
pub(crate) fn note_seen(tx: &mut Tx<'_>, user: UserId, at: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE user_profile SET last_seen_at = ? WHERE user_id = ? AND closed = 0 AND last_seen_at < ?",
        &[at.into(), (&user).into(), at.into()],
    )
    .map(|_| ())
}

/// When somebody was last online (0: not known), if they let their friends see it.
pub(crate) fn seen_by_friends(reader: &Reader<'_>, user: UserId) -> Result<Option<Timestamp>> {
    reader.row(
        "SELECT last_seen_at FROM user_profile WHERE user_id = ? AND closed = 0 AND presence = 2",
        &[(&user).into()],
        |row| row.int(0),
    )
}

/// When the person may change their profile as often as ever again.
pub(crate) fn changes_full_at(reader: &Reader<'_>, user: UserId) -> Result<Timestamp> {
    reader.number("SELECT changes_full_at FROM user_profile WHERE user_id = ?", &[(&user).into()])
}

pub(crate) fn set_changes_full_at(tx: &mut Tx<'_>, user: UserId, at: Timestamp) -> Result<()> {
    tx.exec("UPDATE user_profile SET changes_full_at = ? WHERE user_id = ?", &[at.into(), (&user).into()]).map(|_| ())
}
