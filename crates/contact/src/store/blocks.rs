//! Blocks, as those who made them see them.

use anser_contract::v1::Block;
use anser_engine::{Reader, Row, Tx};
use anser_types::{Result, UserId};

/// A row of somebody's blocks, with the version it changed at.
pub(crate) struct BlockRow {
    pub(crate) block: Block,
    pub(crate) removed: bool,
    pub(crate) version: i64,
}

macro_rules! select_block {
    ($rest:literal) => {
        concat!("SELECT blocked_id, since_at, removed, changed_version FROM contact_block ", $rest)
    };
}

fn block_row(row: &Row<'_>) -> Result<BlockRow> {
    Ok(BlockRow {
        block: Block { user_id: row.blob(0)?, since_at: row.int(1)? },
        removed: row.flag(2)?,
        version: row.int(3)?,
    })
}

/// Whom somebody blocks, after an id, in the order of ids.
pub(crate) fn blocks(reader: &Reader<'_>, user: UserId, after: Option<UserId>, limit: i64) -> Result<Vec<Block>> {
    let after = after.unwrap_or_default();
    let rows = reader.rows(
        select_block!("WHERE user_id = ? AND blocked_id > ? AND removed = 0 ORDER BY blocked_id LIMIT ?"),
        &[(&user).into(), (&after).into(), limit.into()],
        block_row,
    )?;
    Ok(rows.into_iter().map(|row| row.block).collect())
}

/// Somebody's block of a person, if it stands now.
pub(crate) fn block(reader: &Reader<'_>, user: UserId, blocked: UserId) -> Result<Option<Block>> {
    let row = reader.row(
        select_block!("WHERE user_id = ? AND blocked_id = ? AND removed = 0"),
        &[(&user).into(), (&blocked).into()],
        block_row,
    )?;
    Ok(row.map(|row| row.block))
}

/// Blocks and former ones that changed after a version, in the order of versions.
pub(crate) fn blocks_since(reader: &Reader<'_>, user: UserId, since: i64, limit: i64) -> Result<Vec<BlockRow>> {
    reader.rows(
        select_block!("WHERE user_id = ? AND changed_version > ? ORDER BY changed_version LIMIT ?"),
        &[(&user).into(), since.into(), limit.into()],
        block_row,
    )
}

/// Stores somebody's block as they are to see it.
pub(crate) fn put_block(tx: &mut Tx<'_>, user: UserId, block: &Block, version: i64) -> Result<()> {
    let changed = tx.exec(
        "UPDATE contact_block SET since_at = ?, removed = 0, changed_version = ? WHERE user_id = ? AND blocked_id = ?",
        &[block.since_at.into(), version.into(), (&user).into(), (&block.user_id).into()],
    )?;
    if changed == 0 {
        tx.exec(
            "INSERT INTO contact_block (user_id, blocked_id, since_at, removed, changed_version)
             VALUES (?, ?, ?, 0, ?)",
            &[(&user).into(), (&block.user_id).into(), block.since_at.into(), version.into()],
        )?;
    }
    Ok(())
}

/// Blocked no longer.
pub(crate) fn remove_block(tx: &mut Tx<'_>, user: UserId, blocked: UserId, version: i64) -> Result<()> {
    tx.exec(
        "UPDATE contact_block SET removed = 1, changed_version = ? WHERE user_id = ? AND blocked_id = ?",
        &[version.into(), (&user).into(), (&blocked).into()],
    )
    .map(|_| ())
}

/// How many people somebody blocks, by decision.
pub(crate) fn count_blocks(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    let as_lo = "SELECT COUNT(*) FROM contact_pair WHERE user_lo = ? AND lo_blocked_at > 0";
    let as_hi = "SELECT COUNT(*) FROM contact_pair WHERE user_hi = ? AND hi_blocked_at > 0";
    Ok(reader.number(as_lo, &[(&user).into()])? + reader.number(as_hi, &[(&user).into()])?)
}

/// Forgets whom somebody blocked, some of them; answers whether there were any.
pub(crate) fn forget_blocks(tx: &mut Tx<'_>, user: UserId, limit: i64) -> Result<bool> {
    let blocked = tx.rows(
        "SELECT blocked_id FROM contact_block WHERE user_id = ? LIMIT ?",
        &[(&user).into(), limit.into()],
        |row| row.id::<UserId>(0),
    )?;
    for other in &blocked {
        tx.exec("DELETE FROM contact_block WHERE user_id = ? AND blocked_id = ?", &[(&user).into(), other.into()])?;
    }
    Ok(!blocked.is_empty())
}
