//! Every statement of this service.

use anser_contract::v1::{self, FriendRequestState};
use anser_engine::{Reader, Row, Tx};
use anser_types::{Error, FriendRequestId, Result, Timestamp, UserId};

use crate::pair::{Pair, Relation};

// ---- versions

/// Counts a change that `user` will see; answers its version.
pub(crate) fn bump(tx: &mut Tx<'_>, user: UserId) -> Result<i64> {
    tx.insert_new("INSERT INTO contact_version (user_id, version) VALUES (?, 0)", &[(&user).into()])?;
    tx.exec("UPDATE contact_version SET version = version + 1 WHERE user_id = ?", &[(&user).into()])?;
    version(tx, user)
}

pub(crate) fn version(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT version FROM contact_version WHERE user_id = ?", &[(&user).into()])
}

// ---- pairs

macro_rules! select_relation {
    ($rest:literal) => {
        concat!(
            "SELECT user_lo, user_hi, friends, since_at, version, settled, conversation_id FROM contact_pair ",
            $rest
        )
    };
}

fn relation_of(row: &Row<'_>) -> Result<Relation> {
    Ok(Relation {
        pair: Pair { lo: row.id(0)?, hi: row.id(1)? },
        friends: row.flag(2)?,
        since_at: row.int(3)?,
        version: row.int(4)?,
        settled: row.flag(5)?,
        conversation_id: row.blob(6)?,
    })
}

pub(crate) fn relation(reader: &Reader<'_>, pair: Pair) -> Result<Option<Relation>> {
    reader.row(
        select_relation!("WHERE user_lo = ? AND user_hi = ?"),
        &[(&pair.lo).into(), (&pair.hi).into()],
        relation_of,
    )
}

/// Pairs that messaging has not been told of.
pub(crate) fn unsettled(reader: &Reader<'_>, limit: i64) -> Result<Vec<Relation>> {
    reader.rows(select_relation!("WHERE settled = 0 LIMIT ?"), &[limit.into()], relation_of)
}

pub(crate) fn count_unsettled(reader: &Reader<'_>) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM contact_pair WHERE settled = 0", &[])
}

/// Stores a decision: the next version, not settled.
pub(crate) fn decide(tx: &mut Tx<'_>, pair: Pair, friends: bool, now: Timestamp) -> Result<()> {
    let changed = tx.exec(
        "UPDATE contact_pair SET friends = ?, since_at = ?, version = version + 1, settled = 0
         WHERE user_lo = ? AND user_hi = ?",
        &[friends.into(), now.into(), (&pair.lo).into(), (&pair.hi).into()],
    )?;
    if changed == 0 {
        tx.exec(
            "INSERT INTO contact_pair (user_lo, user_hi, friends, since_at, version, applied_version, settled,
                 conversation_id)
             VALUES (?, ?, ?, ?, 1, 0, 0, ?)",
            &[(&pair.lo).into(), (&pair.hi).into(), friends.into(), now.into(), [].as_slice().into()],
        )?;
    }
    Ok(())
}

/// Notes that messaging knows of the decision `version`.
pub(crate) fn settle(tx: &mut Tx<'_>, pair: Pair, version: i64, conversation: &[u8]) -> Result<()> {
    tx.exec(
        "UPDATE contact_pair SET applied_version = ?, settled = 1, conversation_id = ?
         WHERE user_lo = ? AND user_hi = ?",
        &[version.into(), conversation.into(), (&pair.lo).into(), (&pair.hi).into()],
    )
    .map(|_| ())
}

/// How many friends a person has, by decision.
pub(crate) fn count_friends(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    let as_lo = "SELECT COUNT(*) FROM contact_pair WHERE user_lo = ? AND friends = 1";
    let as_hi = "SELECT COUNT(*) FROM contact_pair WHERE user_hi = ? AND friends = 1";
    Ok(reader.number(as_lo, &[(&user).into()])? + reader.number(as_hi, &[(&user).into()])?)
}

// ---- friends, as each side sees them

/// A row of somebody's friends, with the version it changed at.
pub(crate) struct FriendRow {
    pub(crate) friend: v1::Friend,
    pub(crate) removed: bool,
    pub(crate) version: i64,
}

macro_rules! select_friend {
    ($rest:literal) => {
        concat!("SELECT friend_id, since_at, conversation_id, removed, changed_version FROM contact_friend ", $rest)
    };
}

fn friend_row(row: &Row<'_>) -> Result<FriendRow> {
    Ok(FriendRow {
        friend: v1::Friend { user_id: row.blob(0)?, since_at: row.int(1)?, conversation_id: row.blob(2)? },
        removed: row.flag(3)?,
        version: row.int(4)?,
    })
}

/// Friends after an id, in the order of ids.
pub(crate) fn friends(reader: &Reader<'_>, user: UserId, after: Option<UserId>, limit: i64) -> Result<Vec<v1::Friend>> {
    let after = after.unwrap_or_default();
    let rows = reader.rows(
        select_friend!("WHERE user_id = ? AND friend_id > ? AND removed = 0 ORDER BY friend_id LIMIT ?"),
        &[(&user).into(), (&after).into(), limit.into()],
        friend_row,
    )?;
    Ok(rows.into_iter().map(|row| row.friend).collect())
}

/// Friends and former friends that changed after a version, in the order of versions.
pub(crate) fn friends_since(reader: &Reader<'_>, user: UserId, since: i64, limit: i64) -> Result<Vec<FriendRow>> {
    reader.rows(
        select_friend!("WHERE user_id = ? AND changed_version > ? ORDER BY changed_version LIMIT ?"),
        &[(&user).into(), since.into(), limit.into()],
        friend_row,
    )
}

pub(crate) fn put_friend(tx: &mut Tx<'_>, user: UserId, friend: &v1::Friend, version: i64) -> Result<()> {
    let changed = tx.exec(
        "UPDATE contact_friend SET conversation_id = ?, since_at = ?, removed = 0, changed_version = ?
         WHERE user_id = ? AND friend_id = ?",
        &[
            (&friend.conversation_id).into(),
            friend.since_at.into(),
            version.into(),
            (&user).into(),
            (&friend.user_id).into(),
        ],
    )?;
    if changed == 0 {
        tx.exec(
            "INSERT INTO contact_friend (user_id, friend_id, conversation_id, since_at, removed, changed_version)
             VALUES (?, ?, ?, ?, 0, ?)",
            &[
                (&user).into(),
                (&friend.user_id).into(),
                (&friend.conversation_id).into(),
                friend.since_at.into(),
                version.into(),
            ],
        )?;
    }
    Ok(())
}

pub(crate) fn remove_friend(tx: &mut Tx<'_>, user: UserId, friend: UserId, version: i64) -> Result<()> {
    tx.exec(
        "UPDATE contact_friend SET removed = 1, changed_version = ? WHERE user_id = ? AND friend_id = ?",
        &[version.into(), (&user).into(), (&friend).into()],
    )
    .map(|_| ())
}

// ---- requests

/// Where a request stands. `Accepting` is not shown: the friendship is decided and messaging does not know of it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending = 1,
    Accepted = 2,
    Rejected = 3,
    Expired = 4,
    Accepting = 5,
}

impl State {
    fn from_number(number: i64) -> Result<Self> {
        let known = [State::Pending, State::Accepted, State::Rejected, State::Expired, State::Accepting];
        let found = known.into_iter().find(|state| *state as i64 == number);
        found.ok_or_else(|| Error::internal("a friend request is in an unknown state"))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: FriendRequestId,
    pub(crate) from: UserId,
    pub(crate) to: UserId,
    pub(crate) message: String,
    pub(crate) state: State,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) conversation_id: Vec<u8>,
}

impl Request {
    pub(crate) fn pair(&self) -> Pair {
        Pair::of(self.from, self.to)
    }

    /// Where it stands at a time: a request expires by itself, and the row follows later.
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        match self.state {
            State::Pending if self.expires_at <= now => State::Expired,
            state => state,
        }
    }

    /// As both people see it.
    pub(crate) fn view(&self, now: Timestamp) -> v1::FriendRequest {
        let state = match self.state_at(now) {
            State::Pending | State::Accepting => FriendRequestState::Pending,
            State::Accepted => FriendRequestState::Accepted,
            State::Rejected => FriendRequestState::Rejected,
            State::Expired => FriendRequestState::Expired,
        };
        v1::FriendRequest {
            request_id: self.id.to_vec(),
            from_user_id: self.from.to_vec(),
            to_user_id: self.to.to_vec(),
            message: self.message.clone(),
            state: state.into(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            conversation_id: self.conversation_id.clone(),
        }
    }
}

macro_rules! select_request {
    ($rest:literal) => {
        concat!(
            "SELECT request_id, from_user, to_user, message, state, created_at, expires_at, conversation_id, ",
            "from_version, to_version FROM contact_request ",
            $rest
        )
    };
}

fn request_of(row: &Row<'_>) -> Result<Request> {
    Ok(Request {
        id: row.id(0)?,
        from: row.id(1)?,
        to: row.id(2)?,
        message: row.text(3)?,
        state: State::from_number(row.int(4)?)?,
        created_at: row.int(5)?,
        expires_at: row.int(6)?,
        conversation_id: row.blob(7)?,
    })
}

pub(crate) fn insert_request(tx: &mut Tx<'_>, request: &Request, versions: (i64, i64)) -> Result<()> {
    tx.exec(
        "INSERT INTO contact_request (request_id, from_user, to_user, message, state, created_at, expires_at,
             conversation_id, from_version, to_version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            (&request.id).into(),
            (&request.from).into(),
            (&request.to).into(),
            (&request.message).into(),
            (request.state as i64).into(),
            request.created_at.into(),
            request.expires_at.into(),
            (&request.conversation_id).into(),
            versions.0.into(),
            versions.1.into(),
        ],
    )
    .map(|_| ())
}

pub(crate) fn request(reader: &Reader<'_>, id: FriendRequestId) -> Result<Option<Request>> {
    reader.row(select_request!("WHERE request_id = ?"), &[(&id).into()], request_of)
}

/// The requests between two people, in either direction, that are in `state`.
pub(crate) fn requests_between(reader: &Reader<'_>, pair: Pair, state: State) -> Result<Vec<Request>> {
    let mut found = Vec::new();
    for (from, to) in pair.sides() {
        found.extend(reader.rows(
            select_request!("WHERE from_user = ? AND to_user = ? AND state = ?"),
            &[(&from).into(), (&to).into(), (state as i64).into()],
            request_of,
        )?);
    }
    Ok(found)
}

/// Changes where a request stands; nobody sees it yet.
pub(crate) fn set_accepting(tx: &mut Tx<'_>, id: FriendRequestId) -> Result<()> {
    tx.exec(
        "UPDATE contact_request SET state = ? WHERE request_id = ?",
        &[(State::Accepting as i64).into(), (&id).into()],
    )
    .map(|_| ())
}

/// Stores where a request stands now, at each side's version.
pub(crate) fn update_request(tx: &mut Tx<'_>, request: &Request, versions: (i64, i64)) -> Result<()> {
    tx.exec(
        "UPDATE contact_request SET state = ?, conversation_id = ?, from_version = ?, to_version = ?
         WHERE request_id = ?",
        &[
            (request.state as i64).into(),
            (&request.conversation_id).into(),
            versions.0.into(),
            versions.1.into(),
            (&request.id).into(),
        ],
    )
    .map(|_| ())
}

/// How many requests a person made after a time, and when the first of them was.
pub(crate) fn requests_made(reader: &Reader<'_>, from: UserId, after: Timestamp) -> Result<(i64, Timestamp)> {
    let row = reader.row(
        "SELECT COUNT(*), MIN(created_at) FROM contact_request WHERE from_user = ? AND created_at > ?",
        &[(&from).into(), after.into()],
        |row| Ok((row.int(0)?, row.opt_int(1)?.unwrap_or(0))),
    )?;
    Ok(row.unwrap_or_default())
}

/// Pending requests whose time is over.
pub(crate) fn overdue(reader: &Reader<'_>, now: Timestamp, limit: i64) -> Result<Vec<Request>> {
    reader.rows(
        select_request!("WHERE state = ? AND expires_at <= ? LIMIT ?"),
        &[(State::Pending as i64).into(), now.into(), limit.into()],
        request_of,
    )
}

/// Requests a person made (`sent`) or got, newest first, before an id.
pub(crate) fn requests(
    reader: &Reader<'_>,
    user: UserId,
    sent: bool,
    before: Option<FriendRequestId>,
    limit: i64,
) -> Result<Vec<Request>> {
    let before = before.unwrap_or(FriendRequestId([0xff; 16]));
    let sql = if sent {
        select_request!("WHERE from_user = ? AND request_id < ? ORDER BY request_id DESC LIMIT ?")
    } else {
        select_request!("WHERE to_user = ? AND request_id < ? ORDER BY request_id DESC LIMIT ?")
    };
    reader.rows(sql, &[(&user).into(), (&before).into(), limit.into()], request_of)
}

/// Requests a person made (`sent`) or got that changed after one of their versions, in the order of versions.
pub(crate) fn requests_since(
    reader: &Reader<'_>,
    user: UserId,
    sent: bool,
    since: i64,
    limit: i64,
) -> Result<Vec<(i64, Request)>> {
    let (sql, version) = if sent {
        (select_request!("WHERE from_user = ? AND from_version > ? ORDER BY from_version LIMIT ?"), 8)
    } else {
        (select_request!("WHERE to_user = ? AND to_version > ? ORDER BY to_version LIMIT ?"), 9)
    };
    reader.rows(sql, &[(&user).into(), since.into(), limit.into()], |row| Ok((row.int(version)?, request_of(row)?)))
}
