//! Every statement about phone numbers, their codes and opaque sessions.

use anser_engine::{Reader, Tx, Value};
use anser_types::{PhoneCodeId, Result, SessionId, Timestamp, UserId};

use super::{Account, account, session_by_id};
use crate::{
    codes::{Pace, Shown},
    session::Session,
};

pub(crate) fn account_by_phone(reader: &Reader<'_>, phone: &str) -> Result<Option<Account>> {
    reader.row(
        "SELECT user_id, state, password_hash, claimed_at, name_key FROM auth_account WHERE phone = ?",
        &[phone.into()],
        account,
    )
}

/// Gives an active account another number, which its profile does not show yet.
pub(crate) fn set_phone(tx: &mut Tx<'_>, user: UserId, phone: &str) -> Result<()> {
    tx.exec(
        "UPDATE auth_account SET phone = ?, phone_told = 0 WHERE user_id = ? AND state = 1",
        &[phone.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Active accounts whose profiles do not show their numbers yet.
pub(crate) fn untold_phones(reader: &Reader<'_>, limit: i64) -> Result<Vec<(UserId, String)>> {
    reader.rows(
        "SELECT user_id, phone FROM auth_account WHERE phone_told = 0 AND state = 1 AND phone IS NOT NULL LIMIT ?",
        &[limit.into()],
        |row| Ok((row.id(0)?, row.text(1)?)),
    )
}

/// Notes that the profile shows this number, if it still is the account's.
pub(crate) fn note_phone_told(tx: &mut Tx<'_>, user: UserId, phone: &str) -> Result<()> {
    tx.exec("UPDATE auth_account SET phone_told = 1 WHERE user_id = ? AND phone = ?", &[(&user).into(), phone.into()])
        .map(|_| ())
}

// ---- codes

pub(crate) fn insert_code(tx: &mut Tx<'_>, code: &Shown, expires_at: Timestamp) -> Result<()> {
    tx.exec(
        "INSERT INTO auth_code (code_id, phone_mac, purpose, user_id, mac, tries, expires_at)
         VALUES (?, ?, ?, ?, ?, 0, ?)",
        &[
            (&code.id).into(),
            Value::Blob(&code.phone_mac),
            (code.purpose as i32).into(),
            (&code.user).into(),
            Value::Blob(&code.mac),
            expires_at.into(),
        ],
    )
    .map(|_| ())
}

/// Counts a try of a code with one left; answers whether there is such a code.
pub(crate) fn count_try(tx: &mut Tx<'_>, code: &Shown, most: u32, now: Timestamp) -> Result<bool> {
    let changed = tx.exec(
        "UPDATE auth_code SET tries = tries + 1
         WHERE code_id = ? AND phone_mac = ? AND purpose = ? AND user_id = ? AND tries < ? AND expires_at > ?",
        &[
            (&code.id).into(),
            Value::Blob(&code.phone_mac),
            (code.purpose as i32).into(),
            (&code.user).into(),
            most.into(),
            now.into(),
        ],
    )?;
    Ok(changed == 1)
}

/// Uses up a code; answers whether it was the right one.
pub(crate) fn spend_code(tx: &mut Tx<'_>, code: &Shown, now: Timestamp) -> Result<bool> {
    let changed = tx.exec(
        "DELETE FROM auth_code WHERE code_id = ? AND mac = ? AND expires_at > ?",
        &[(&code.id).into(), Value::Blob(&code.mac), now.into()],
    )?;
    Ok(changed == 1)
}

pub(crate) fn delete_code(tx: &mut Tx<'_>, id: PhoneCodeId) -> Result<()> {
    tx.exec("DELETE FROM auth_code WHERE code_id = ?", &[(&id).into()]).map(|_| ())
}

/// Forgets the codes of somebody and of their number.
pub(crate) fn delete_codes_of(tx: &mut Tx<'_>, user: UserId, phone_mac: Option<&[u8; 32]>) -> Result<()> {
    let phone_mac = phone_mac.map_or(&[][..], |mac| &mac[..]);
    tx.exec("DELETE FROM auth_code WHERE user_id = ? OR phone_mac = ?", &[(&user).into(), phone_mac.into()]).map(|_| ())
}

/// Ids of codes whose time is over.
pub(crate) fn expired_codes(reader: &Reader<'_>, now: Timestamp, limit: i64) -> Result<Vec<PhoneCodeId>> {
    reader.rows("SELECT code_id FROM auth_code WHERE expires_at <= ? LIMIT ?", &[now.into(), limit.into()], |row| {
        row.id(0)
    })
}

pub(crate) fn pace(reader: &Reader<'_>, phone_mac: &[u8; 32]) -> Result<Option<Pace>> {
    reader.row(
        "SELECT sent, since_at, next_at FROM auth_code_pace WHERE phone_mac = ?",
        &[Value::Blob(phone_mac)],
        |row| Ok(Pace { sent: row.int(0)?, since_at: row.int(1)?, next_at: row.int(2)? }),
    )
}

/// Stores a number's pace, or forgets it.
pub(crate) fn set_pace(tx: &mut Tx<'_>, phone_mac: &[u8; 32], pace: Option<Pace>) -> Result<()> {
    delete_pace(tx, phone_mac)?;
    let Some(pace) = pace else { return Ok(()) };
    tx.exec(
        "INSERT INTO auth_code_pace (phone_mac, sent, since_at, next_at) VALUES (?, ?, ?, ?)",
        &[Value::Blob(phone_mac), pace.sent.into(), pace.since_at.into(), pace.next_at.into()],
    )
    .map(|_| ())
}

pub(crate) fn delete_pace(tx: &mut Tx<'_>, phone_mac: &[u8]) -> Result<()> {
    tx.exec("DELETE FROM auth_code_pace WHERE phone_mac = ?", &[phone_mac.into()]).map(|_| ())
}

/// Numbers whose pace begins anew whatever is known of it.
pub(crate) fn old_paces(reader: &Reader<'_>, before: Timestamp, limit: i64) -> Result<Vec<Vec<u8>>> {
    reader.rows(
        "SELECT phone_mac FROM auth_code_pace WHERE since_at < ? LIMIT ?",
        &[before.into(), limit.into()],
        |row| row.blob(0),
    )
}

/// How many codes were sent on a day.
pub(crate) fn sent_on(reader: &Reader<'_>, day: i64) -> Result<i64> {
    reader.number("SELECT sent FROM auth_code_day WHERE day = ?", &[day.into()])
}

/// Stores how many; days before are forgotten.
pub(crate) fn set_sent_on(tx: &mut Tx<'_>, day: i64, sent: i64) -> Result<()> {
    tx.exec("DELETE FROM auth_code_day WHERE day <= ?", &[day.into()])?;
    tx.exec("INSERT INTO auth_code_day (day, sent) VALUES (?, ?)", &[day.into(), sent.into()]).map(|_| ())
}

// ---- opaque sessions

pub(crate) fn insert_opaque(tx: &mut Tx<'_>, hash: &[u8; 32], session: SessionId) -> Result<()> {
    tx.exec("INSERT INTO auth_opaque (token_hash, session_id) VALUES (?, ?)", &[Value::Blob(hash), (&session).into()])
        .map(|_| ())
}

pub(crate) fn delete_opaque(tx: &mut Tx<'_>, session: SessionId) -> Result<()> {
    tx.exec("DELETE FROM auth_opaque WHERE session_id = ?", &[(&session).into()]).map(|_| ())
}

pub(crate) fn session_by_opaque(reader: &Reader<'_>, hash: &[u8; 32]) -> Result<Option<Session>> {
    let id: Option<SessionId> =
        reader.row("SELECT session_id FROM auth_opaque WHERE token_hash = ?", &[Value::Blob(hash)], |row| row.id(0))?;
    id.map_or(Ok(None), |id| session_by_id(reader, id))
}

/// Moves an open session's end on.
pub(crate) fn extend_session(tx: &mut Tx<'_>, id: SessionId, expires_at: Timestamp, now: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE auth_session SET refresh_expires_at = ?, last_seen_at = ? WHERE session_id = ? AND ended_at = 0",
        &[expires_at.into(), now.into(), (&id).into()],
    )
    .map(|_| ())
}
