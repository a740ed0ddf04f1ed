//! The statements of sending and reading; those of changes are in [`changes`], of what has a
//! time of its own in [`timed`], of how far devices have got in [`delivered`], of files in [`objects`], those of the log itself in `log/`.

mod changes;
mod delivered;
mod objects;
mod timed;

use anser_engine::{Reader, Tx, Value};
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId, plant::planted};

pub use self::{changes::*, delivered::*, objects::*, timed::*};
use crate::log::Snapshot;

/// Notes that `sender` used `cmid` in `conversation`, unless they did before; answers whether it was new.
pub fn insert_key(
    tx: &mut Tx<'_>,
    cmid: MessageId,
    conversation: ConversationId,
    sender: UserId,
    position: i64,
    payload_hash: &[u8],
) -> Result<bool> {
    if planted("key_forgotten") {
        let sql = "INSERT OR REPLACE INTO messaging_key (cmid, conversation, sender, position, payload_hash)
                   VALUES (?, ?, ?, ?, ?)";
        let row = [Value::from(&cmid), (&conversation).into(), (&sender).into(), position.into(), payload_hash.into()];
        return tx.exec(sql, &row).map(|_| true);
    }
    tx.insert_new(
        "INSERT INTO messaging_key (cmid, conversation, sender, position, payload_hash) VALUES (?, ?, ?, ?, ?)",
        &[Value::from(&cmid), (&conversation).into(), (&sender).into(), position.into(), payload_hash.into()],
    )
}

/// Seq and server_ts of the entry at `position`.
pub fn seq_and_time(reader: &Reader<'_>, position: i64) -> Result<Option<(i64, Timestamp)>> {
    reader.row("SELECT seq, at FROM messaging_entry WHERE position = ?", &[position.into()], |row| {
        Ok((row.int(0)?, row.int(1)?))
    })
}

/// Where `user` has read to in `conversation`, and the log's end when that moved; (0, 0): nowhere yet.
///
/// Sending reads everything before it, so one's own messages are never unread. The entry itself tells of this move, so
/// the cursor's position stays before it: a token that has the entry need not name it again.
pub fn cursor(log: &Snapshot<'_>, conversation: ConversationId, user: UserId) -> Result<(i64, i64)> {
    let found = log.row(
        "SELECT read_seq, moved_position FROM messaging_cursor WHERE user_id = ? AND conversation = ?",
        &[(&user).into(), (&conversation).into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    let (read, moved): (i64, i64) = found.unwrap_or_default();
    Ok(match log.last_own(conversation, user)? {
        Some((seq, position)) if seq > read => (seq, position - 1),
        _ => (read, moved),
    })
}

/// Sets `user`'s read cursor. The caller has made sure that it moves forward.
pub fn set_cursor(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    read_seq: i64,
    moved_position: i64,
) -> Result<()> {
    let updated = tx.exec(
        "UPDATE messaging_cursor SET read_seq = ?, moved_position = ? WHERE user_id = ? AND conversation = ?",
        &[read_seq.into(), moved_position.into(), (&user).into(), (&conversation).into()],
    )?;
    if updated == 0 {
        tx.exec(
            "INSERT INTO messaging_cursor (read_seq, moved_position, user_id, conversation) VALUES (?, ?, ?, ?)",
            &[read_seq.into(), moved_position.into(), (&user).into(), (&conversation).into()],
        )?;
    }
    Ok(())
}

/// Sets `user`'s read cursor unless it is there or further.
pub fn raise_cursor(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    read_seq: i64,
    moved_position: i64,
) -> Result<()> {
    let row = [Value::from(read_seq), moved_position.into(), (&user).into(), (&conversation).into(), read_seq.into()];
    let raised = tx.exec(
        "UPDATE messaging_cursor SET read_seq = ?, moved_position = ?
         WHERE user_id = ? AND conversation = ? AND read_seq < ?",
        &row,
    )?;
    if raised == 0 {
        tx.insert_new(
            "INSERT INTO messaging_cursor (read_seq, moved_position, user_id, conversation) VALUES (?, ?, ?, ?)",
            &row[..4],
        )?;
    }
    Ok(())
}
