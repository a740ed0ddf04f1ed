//! The statements of how far devices have got.

use anser_engine::{Reader, Tx, Value};
use anser_types::{ConversationId, Result, SessionId, UserId};

/// How far the devices of `user` have got in `conversation`, the one that has got least first.
pub fn delivered(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Vec<(SessionId, i64)>> {
    reader.rows(
        "SELECT session, delivered_seq FROM messaging_delivered WHERE user_id = ? AND conversation = ?
         ORDER BY delivered_seq",
        &[(&user).into(), (&conversation).into()],
        |row| Ok((row.id(0)?, row.int(1)?)),
    )
}

/// How far the device of `user` has got that has got furthest.
pub fn delivered_seq(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<i64> {
    reader.number(
        "SELECT COALESCE(MAX(delivered_seq), 0) FROM messaging_delivered WHERE user_id = ? AND conversation = ?",
        &[(&user).into(), (&conversation).into()],
    )
}

/// A device has got so far, or further.
pub fn raise_delivered(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    session: SessionId,
    seq: i64,
) -> Result<()> {
    let row = [Value::from(seq), (&user).into(), (&conversation).into(), (&session).into(), seq.into()];
    let raised = tx.exec(
        "UPDATE messaging_delivered SET delivered_seq = ?
         WHERE user_id = ? AND conversation = ? AND session = ? AND delivered_seq < ?",
        &row,
    )?;
    if raised == 0 {
        tx.insert_new(
            "INSERT INTO messaging_delivered (delivered_seq, user_id, conversation, session) VALUES (?, ?, ?, ?)",
            &row[..4],
        )?;
    }
    Ok(())
}

/// A device is forgotten.
pub fn forget_device(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, session: SessionId) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_delivered WHERE user_id = ? AND conversation = ? AND session = ?",
        &[(&user).into(), (&conversation).into(), (&session).into()],
    )?;
    Ok(())
}

/// All of somebody's devices are forgotten.
pub fn forget_devices(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.exec("DELETE FROM messaging_delivered WHERE user_id = ?", &[(&user).into()])?;
    Ok(())
}
