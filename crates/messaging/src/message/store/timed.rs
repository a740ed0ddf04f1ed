//! The statements of what has a time of its own: expiry.

use anser_engine::{Reader, Tx};
use anser_types::{ConversationId, Result, Timestamp};

// Expiring messages

/// The words of a message go at `due`.
pub fn insert_expiring(tx: &mut Tx<'_>, due: Timestamp, conversation: ConversationId, seq: i64) -> Result<()> {
    tx.insert_new(
        "INSERT INTO messaging_expiring (due, conversation, seq) VALUES (?, ?, ?)",
        &[due.into(), (&conversation).into(), seq.into()],
    )?;
    Ok(())
}

/// They are gone.
pub fn delete_expiring(tx: &mut Tx<'_>, due: Timestamp, conversation: ConversationId, seq: i64) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_expiring WHERE due = ? AND conversation = ? AND seq = ?",
        &[due.into(), (&conversation).into(), seq.into()],
    )?;
    Ok(())
}

/// Messages whose time is over by `now`, the oldest first.
pub fn expired_by(reader: &Reader<'_>, now: Timestamp, limit: usize) -> Result<Vec<(Timestamp, ConversationId, i64)>> {
    reader.rows(
        "SELECT due, conversation, seq FROM messaging_expiring WHERE due <= ? ORDER BY due, conversation, seq LIMIT ?",
        &[now.into(), (limit as i64).into()],
        |row| Ok((row.int(0)?, row.id(1)?, row.int(2)?)),
    )
}

/// When the next one's is.
pub fn next_expiring(reader: &Reader<'_>) -> Result<Option<Timestamp>> {
    reader.row("SELECT due FROM messaging_expiring ORDER BY due LIMIT 1", &[], |row| row.int(0))
}
