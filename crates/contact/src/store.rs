//! Every statement of this service. Here: versions and pairs; the rest stands in a file for each table.

mod blocks;
mod categories;
mod friends;
mod profiles;
mod requests;

use anser_engine::{Reader, Row, Tx};
use anser_types::{Result, UserId};

use crate::pair::{Pair, Relation};
pub(crate) use blocks::*;
pub(crate) use categories::*;
pub(crate) use friends::*;
pub(crate) use profiles::*;
pub(crate) use requests::*;

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
            "SELECT user_lo, user_hi, friends, since_at, version, settled, conversation_id, lo_blocked_at, ",
            "hi_blocked_at FROM contact_pair ",
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
        lo_blocked_at: row.int(7)?,
        hi_blocked_at: row.int(8)?,
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

/// Stores a decision about a pair: the next version, not settled.
pub(crate) fn decide(tx: &mut Tx<'_>, decided: &Relation) -> Result<()> {
    let pair = decided.pair;
    tx.insert_new(
        "INSERT INTO contact_pair (user_lo, user_hi, friends, since_at, version, applied_version, settled,
             conversation_id)
         VALUES (?, ?, 0, 0, 0, 0, 1, ?)",
        &[(&pair.lo).into(), (&pair.hi).into(), [].as_slice().into()],
    )?;
    tx.exec(
        "UPDATE contact_pair SET friends = ?, since_at = ?, lo_blocked_at = ?, hi_blocked_at = ?,
             version = version + 1, settled = 0
         WHERE user_lo = ? AND user_hi = ?",
        &[
            decided.friends.into(),
            decided.since_at.into(),
            decided.lo_blocked_at.into(),
            decided.hi_blocked_at.into(),
            (&pair.lo).into(),
            (&pair.hi).into(),
        ],
    )
    .map(|_| ())
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

/// Pairs in which somebody has a friend or blocks the other, or of which messaging does not know yet.
pub(crate) fn pairs_of(reader: &Reader<'_>, user: UserId, limit: i64) -> Result<Vec<Pair>> {
    let pair = |row: &Row<'_>| Ok(Pair { lo: row.id(0)?, hi: row.id(1)? });
    let mut pairs = reader.rows(
        "SELECT user_lo, user_hi FROM contact_pair WHERE user_lo = ? AND (friends = 1 OR lo_blocked_at > 0 OR settled = 0) LIMIT ?",
        &[(&user).into(), limit.into()],
        pair,
    )?;
    pairs.extend(reader.rows(
        "SELECT user_lo, user_hi FROM contact_pair WHERE user_hi = ? AND (friends = 1 OR hi_blocked_at > 0 OR settled = 0) LIMIT ?",
        &[(&user).into(), limit.into()],
        pair,
    )?);
    Ok(pairs)
}

/// How many friends a person has, by decision.
pub(crate) fn count_friends(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    let as_lo = "SELECT COUNT(*) FROM contact_pair WHERE user_lo = ? AND friends = 1";
    let as_hi = "SELECT COUNT(*) FROM contact_pair WHERE user_hi = ? AND friends = 1";
    Ok(reader.number(as_lo, &[(&user).into()])? + reader.number(as_hi, &[(&user).into()])?)
}
