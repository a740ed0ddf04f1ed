//! Every statement of this service: here those of names, passwords and sessions with tokens, in `phones` the others.

mod phones;

use anser_contract::v1::{self, AccountState, ClosingAccount, SessionKind};
use anser_engine::{Reader, Row, Tx, Value};
use anser_types::{Result, SessionId, Timestamp, UserId};

pub(crate) use self::phones::*;
use crate::session::{End, Session};

/// Whose name it is, but nobody logs in with it until the operator says so. The other states stand in the schema.
const DISABLED: i64 = 4;

/// A login name and who it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) active: bool,
    /// Claimed, while its profile is being made.
    pub(crate) pending: bool,
    /// Empty: there is no password.
    pub(crate) password_hash: String,
    pub(crate) claimed_at: Timestamp,
    pub(crate) name_key: String,
}

fn account(row: &Row<'_>) -> Result<Account> {
    let state = row.int(1)?;
    Ok(Account {
        user: row.id(0)?,
        active: state == 1,
        pending: state == 0,
        password_hash: row.text(2)?,
        claimed_at: row.int(3)?,
        name_key: row.text(4)?,
    })
}

pub(crate) fn account_by_name(reader: &Reader<'_>, name_key: &str) -> Result<Option<Account>> {
    reader.row(
        "SELECT user_id, state, password_hash, claimed_at, name_key FROM auth_account WHERE name_key = ?",
        &[name_key.into()],
        account,
    )
}

/// The account of somebody who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct OwnAccount {
    pub(crate) name_key: String,
    /// Empty: there is no password.
    pub(crate) password_hash: String,
    pub(crate) phone: Option<String>,
}

/// Somebody's account, if it is active.
pub(crate) fn account_of(reader: &Reader<'_>, user: UserId) -> Result<Option<OwnAccount>> {
    reader.row(
        "SELECT name_key, password_hash, phone FROM auth_account WHERE user_id = ? AND state = 1",
        &[(&user).into()],
        |row| Ok(OwnAccount { name_key: row.text(0)?, password_hash: row.text(1)?, phone: row.opt_text(2)? }),
    )
}

pub(crate) fn set_password(tx: &mut Tx<'_>, user: UserId, password_hash: &str) -> Result<()> {
    tx.exec("UPDATE auth_account SET password_hash = ? WHERE user_id = ?", &[password_hash.into(), (&user).into()])
        .map(|_| ())
}

/// Nobody logs in any more, and the phone number is free; what is the person's own is still to be erased.
pub(crate) fn begin_closing(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE auth_account SET state = 2, password_hash = '', phone = NULL, phone_told = 1, closing_at = ?
         WHERE user_id = ? AND state = 1",
        &[now.into(), (&user).into()],
    )
    .map(|_| ())
}

macro_rules! select_session {
    ($rest:literal) => {
        concat!(
            "SELECT session_id, user_id, device_id, device_name, platform, created_at, last_seen_at, ",
            "refresh_expires_at, token_no, ended_at, kind FROM auth_session ",
            $rest
        )
    };
}

// ---- for the operator

/// An account with its number of open sessions.
fn listed(row: &Row<'_>) -> Result<v1::Account> {
    let state = match row.int(2)? {
        0 => AccountState::Pending,
        1 => AccountState::Active,
        2 => AccountState::Closing,
        3 => AccountState::Closed,
        _ => AccountState::Disabled,
    };
    let sessions = row.int(3)? as u32;
    Ok(v1::Account { user_id: row.blob(0)?, name: row.text(1)?, state: state.into(), sessions })
}

macro_rules! select_listed {
    ($rest:literal) => {
        concat!(
            "SELECT a.user_id, a.name_key, a.state, (SELECT COUNT(*) FROM auth_session s WHERE s.user_id = a.user_id ",
            "AND s.ended_at = 0) FROM auth_account a ",
            $rest
        )
    };
}

pub(crate) fn listed_by_name(reader: &Reader<'_>, name_key: &str) -> Result<Option<v1::Account>> {
    reader.row(select_listed!("WHERE a.name_key = ?"), &[name_key.into()], listed)
}

pub(crate) fn listed_by_id(reader: &Reader<'_>, user: UserId) -> Result<Option<v1::Account>> {
    reader.row(select_listed!("WHERE a.user_id = ?"), &[(&user).into()], listed)
}

/// Accounts after a name, in the order of names.
pub(crate) fn listed_after(reader: &Reader<'_>, name_key: &str, limit: i64) -> Result<Vec<v1::Account>> {
    reader.rows(
        select_listed!("WHERE a.name_key > ? ORDER BY a.name_key LIMIT ?"),
        &[name_key.into(), limit.into()],
        listed,
    )
}

/// Disables an active account, or the other way round.
pub(crate) fn set_disabled(tx: &mut Tx<'_>, user: UserId, disabled: bool) -> Result<()> {
    let (before, after) = if disabled { (1, DISABLED) } else { (DISABLED, 1) };
    tx.exec(
        "UPDATE auth_account SET state = ? WHERE user_id = ? AND state = ?",
        &[after.into(), (&user).into(), before.into()],
    )
    .map(|_| ())
}

pub(crate) fn rename(tx: &mut Tx<'_>, user: UserId, name_key: &str) -> Result<()> {
    tx.exec("UPDATE auth_account SET name_key = ? WHERE user_id = ?", &[name_key.into(), (&user).into()]).map(|_| ())
}

/// The stored hash of an account that has one.
pub(crate) fn password_hash(reader: &Reader<'_>, user: UserId) -> Result<Option<String>> {
    let sql = "SELECT password_hash FROM auth_account WHERE user_id = ? AND state IN (1, 4)";
    reader.row(sql, &[(&user).into()], |row| row.text(0))
}

/// Sessions of anybody that have not been ended.
pub(crate) fn any_open_sessions(reader: &Reader<'_>, limit: i64) -> Result<Vec<Session>> {
    reader.rows(select_session!("WHERE ended_at = 0 LIMIT ?"), &[limit.into()], session)
}

// ---- closing

/// Accounts that are closing, the first ones first.
pub(crate) fn closing(reader: &Reader<'_>, limit: i64) -> Result<Vec<ClosingAccount>> {
    reader.rows(
        "SELECT user_id, closing_at FROM auth_account WHERE state = 2 ORDER BY closing_at LIMIT ?",
        &[limit.into()],
        |row| Ok(ClosingAccount { user_id: row.blob(0)?, since_at: row.int(1)? }),
    )
}

/// The row stays: the name is taken for ever.
pub(crate) fn finish_closing(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.exec("UPDATE auth_account SET state = 3 WHERE user_id = ? AND state = 2", &[(&user).into()]).map(|_| ())
}

/// Takes a free name, and a phone number that is free, for an account that is being made.
pub(crate) fn insert_pending(
    tx: &mut Tx<'_>,
    name_key: &str,
    user: UserId,
    password_hash: &str,
    phone: Option<&str>,
    now: Timestamp,
) -> Result<bool> {
    tx.insert_new(
        "INSERT INTO auth_account (name_key, user_id, state, password_hash, phone, claimed_at) VALUES (?, ?, 0, ?, ?, ?)",
        &[name_key.into(), (&user).into(), password_hash.into(), phone.into(), now.into()],
    )
}

/// Gives a name back that is still `user`'s and pending.
pub(crate) fn delete_pending(tx: &mut Tx<'_>, name_key: &str, user: UserId) -> Result<()> {
    tx.exec(
        "DELETE FROM auth_account WHERE name_key = ? AND user_id = ? AND state = 0",
        &[name_key.into(), (&user).into()],
    )
    .map(|_| ())
}

/// Makes the pending name an account, if it is still `user`'s.
pub(crate) fn activate(tx: &mut Tx<'_>, name_key: &str, user: UserId) -> Result<bool> {
    let changed = tx.exec(
        "UPDATE auth_account SET state = 1 WHERE name_key = ? AND user_id = ? AND state = 0",
        &[name_key.into(), (&user).into()],
    )?;
    Ok(changed == 1)
}

/// Names that were claimed before `before` and never became accounts.
pub(crate) fn stale_pending(reader: &Reader<'_>, before: Timestamp, limit: i64) -> Result<Vec<(String, UserId)>> {
    reader.rows(
        "SELECT name_key, user_id FROM auth_account WHERE state = 0 AND claimed_at < ? LIMIT ?",
        &[before.into(), limit.into()],
        |row| Ok((row.text(0)?, row.id(1)?)),
    )
}

fn session(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        id: row.id(0)?,
        user: row.id(1)?,
        device_id: row.text(2)?,
        device_name: row.text(3)?,
        platform: row.text(4)?,
        created_at: row.int(5)?,
        last_seen_at: row.int(6)?,
        refresh_expires_at: row.int(7)?,
        token_no: row.int(8)?,
        ended_at: row.int(9)?,
        kind: SessionKind::try_from(row.int(10)? as i32).unwrap_or(SessionKind::Tokens),
    })
}

pub(crate) fn insert_session(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    tx.exec(
        "INSERT INTO auth_session (session_id, user_id, device_id, device_name, platform, created_at, last_seen_at,
             refresh_expires_at, token_no, ended_at, reason, kind)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?)",
        &[
            (&session.id).into(),
            (&session.user).into(),
            (&session.device_id).into(),
            (&session.device_name).into(),
            (&session.platform).into(),
            session.created_at.into(),
            session.last_seen_at.into(),
            session.refresh_expires_at.into(),
            session.token_no.into(),
            (session.kind as i32).into(),
        ],
    )
    .map(|_| ())
}

pub(crate) fn session_by_id(reader: &Reader<'_>, id: SessionId) -> Result<Option<Session>> {
    reader.row(select_session!("WHERE session_id = ?"), &[(&id).into()], session)
}

/// A person's sessions that have not been ended, newest first.
pub(crate) fn open_sessions(reader: &Reader<'_>, user: UserId) -> Result<Vec<Session>> {
    reader.rows(
        select_session!("WHERE user_id = ? AND ended_at = 0 ORDER BY created_at DESC, session_id DESC"),
        &[(&user).into()],
        session,
    )
}

/// Sessions that have not been ended although their time is over.
pub(crate) fn expired_sessions(reader: &Reader<'_>, now: Timestamp, limit: i64) -> Result<Vec<Session>> {
    reader.rows(
        select_session!("WHERE ended_at = 0 AND refresh_expires_at <= ? LIMIT ?"),
        &[now.into(), limit.into()],
        session,
    )
}

/// Answers whether it was open.
pub(crate) fn end_session(tx: &mut Tx<'_>, id: SessionId, why: End, now: Timestamp) -> Result<bool> {
    let changed = tx.exec(
        "UPDATE auth_session SET ended_at = ?, reason = ? WHERE session_id = ? AND ended_at = 0",
        &[now.into(), why.as_str().into(), (&id).into()],
    )?;
    Ok(changed == 1)
}

/// Ids of sessions that ended at or after `since`, earliest first.
pub(crate) fn ended_since(reader: &Reader<'_>, since: Timestamp, limit: i64) -> Result<Vec<SessionId>> {
    reader.rows(
        "SELECT session_id FROM auth_session WHERE ended_at >= ? ORDER BY ended_at LIMIT ?",
        &[since.max(1).into(), limit.into()],
        |row| row.id(0),
    )
}

/// Ids of sessions that ended before `before`.
pub(crate) fn ended_before(reader: &Reader<'_>, before: Timestamp, limit: i64) -> Result<Vec<SessionId>> {
    reader.rows(
        "SELECT session_id FROM auth_session WHERE ended_at > 0 AND ended_at < ? LIMIT ?",
        &[before.into(), limit.into()],
        |row| row.id(0),
    )
}

pub(crate) fn delete_session(tx: &mut Tx<'_>, id: SessionId) -> Result<()> {
    tx.exec("DELETE FROM auth_session WHERE session_id = ?", &[(&id).into()]).map(|_| ())
}

/// Notes that the session's current token was followed by the next.
pub(crate) fn rotate_session(
    tx: &mut Tx<'_>,
    id: SessionId,
    token_no: i64,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    tx.exec(
        "UPDATE auth_session SET token_no = ?, refresh_expires_at = ?, last_seen_at = ? WHERE session_id = ?",
        &[token_no.into(), expires_at.into(), now.into(), (&id).into()],
    )
    .map(|_| ())
}

pub(crate) fn touch_session(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<()> {
    tx.exec("UPDATE auth_session SET last_seen_at = ? WHERE session_id = ?", &[now.into(), (&id).into()]).map(|_| ())
}

/// A refresh token as stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredToken {
    pub(crate) session: SessionId,
    pub(crate) no: i64,
    pub(crate) salt: Vec<u8>,
    /// 0: not used yet.
    pub(crate) used_at: Timestamp,
    pub(crate) repeats: i64,
}

fn stored_token(row: &Row<'_>) -> Result<StoredToken> {
    Ok(StoredToken {
        session: row.id(0)?,
        no: row.int(1)?,
        salt: row.blob(2)?,
        used_at: row.int(3)?,
        repeats: row.int(4)?,
    })
}

pub(crate) fn insert_refresh(tx: &mut Tx<'_>, hash: &[u8; 32], session: SessionId, no: i64, salt: &[u8]) -> Result<()> {
    tx.exec(
        "INSERT INTO auth_refresh (token_hash, session_id, token_no, salt, used_at, repeats) VALUES (?, ?, ?, ?, 0, 0)",
        &[Value::Blob(hash), (&session).into(), no.into(), salt.into()],
    )
    .map(|_| ())
}

pub(crate) fn refresh_by_hash(reader: &Reader<'_>, hash: &[u8; 32]) -> Result<Option<StoredToken>> {
    reader.row(
        "SELECT session_id, token_no, salt, used_at, repeats FROM auth_refresh WHERE token_hash = ?",
        &[Value::Blob(hash)],
        stored_token,
    )
}

pub(crate) fn refresh_by_no(reader: &Reader<'_>, session: SessionId, no: i64) -> Result<Option<StoredToken>> {
    reader.row(
        "SELECT session_id, token_no, salt, used_at, repeats FROM auth_refresh WHERE session_id = ? AND token_no = ?",
        &[(&session).into(), no.into()],
        stored_token,
    )
}

pub(crate) fn use_refresh(tx: &mut Tx<'_>, session: SessionId, no: i64, now: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE auth_refresh SET used_at = ? WHERE session_id = ? AND token_no = ?",
        &[now.into(), (&session).into(), no.into()],
    )
    .map(|_| ())
}

pub(crate) fn repeat_refresh(tx: &mut Tx<'_>, session: SessionId, no: i64) -> Result<()> {
    tx.exec(
        "UPDATE auth_refresh SET repeats = repeats + 1 WHERE session_id = ? AND token_no = ?",
        &[(&session).into(), no.into()],
    )
    .map(|_| ())
}

/// Forgets tokens of a session up to a number.
pub(crate) fn forget_refreshes(tx: &mut Tx<'_>, session: SessionId, through_no: i64) -> Result<()> {
    tx.exec("DELETE FROM auth_refresh WHERE session_id = ? AND token_no <= ?", &[(&session).into(), through_no.into()])
        .map(|_| ())
}

pub(crate) fn delete_refreshes(tx: &mut Tx<'_>, session: SessionId) -> Result<()> {
    tx.exec("DELETE FROM auth_refresh WHERE session_id = ?", &[(&session).into()]).map(|_| ())
}
