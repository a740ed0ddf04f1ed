//! Requests: who asked whom, and what became of it.

use anser_contract::v1::{self, FriendRequestState};
use anser_engine::{Reader, Row, Tx};
use anser_types::{Error, FriendRequestId, Result, Timestamp, UserId};

use crate::pair::Pair;

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

/// Requests that somebody made or got and that wait for an answer.
pub(crate) fn pending_of(reader: &Reader<'_>, user: UserId, limit: i64) -> Result<Vec<Request>> {
    let pending = State::Pending as i64;
    let mut found = reader.rows(
        select_request!("WHERE from_user = ? AND state = ? LIMIT ?"),
        &[(&user).into(), pending.into(), limit.into()],
        request_of,
    )?;
    found.extend(reader.rows(
        select_request!("WHERE to_user = ? AND state = ? LIMIT ?"),
        &[(&user).into(), pending.into(), limit.into()],
        request_of,
    )?);
    Ok(found)
}

/// Forgets what somebody wrote in their requests, some of them; answers whether there were any.
pub(crate) fn forget_words(tx: &mut Tx<'_>, user: UserId, limit: i64) -> Result<bool> {
    let requests = tx.rows(
        "SELECT request_id FROM contact_request WHERE from_user = ? AND message <> '' LIMIT ?",
        &[(&user).into(), limit.into()],
        |row| row.id::<FriendRequestId>(0),
    )?;
    for request in &requests {
        tx.exec("UPDATE contact_request SET message = '' WHERE request_id = ?", &[request.into()])?;
    }
    Ok(!requests.is_empty())
}
