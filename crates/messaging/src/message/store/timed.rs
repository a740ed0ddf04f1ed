//! The statements of what has a time of its own: expiring and scheduled messages.

use anser_contract::v1::{Content, ScheduledMessage, ScheduledState};
use anser_engine::{Reader, Row, Tx, Value};
use anser_types::{ConversationId, Error, FileId, MessageId, Result, Timestamp, UserId};
use prost::Message as _;

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

// Scheduled messages

const WAITING: i64 = 1;
const SENDING: i64 = 2;
const FAILED: i64 = 3;

const COLUMNS: &str =
    "user_id, cmid, conversation, state, send_at, created_at, expires_in, asked, code, failed_at, body";

/// The key of a scheduled message: whose, which, where.
pub type ScheduledKey = (UserId, MessageId, ConversationId);

/// A scheduled message.
#[derive(Clone)]
pub struct Scheduled {
    /// Its key.
    pub key: ScheduledKey,
    /// Hash over what was asked for first.
    pub asked: Vec<u8>,
    /// Whether it is on its way into the log.
    pub sending: bool,
    /// What its sender sees of it.
    pub message: ScheduledMessage,
}

/// A message waits for its time.
pub fn insert_scheduled(tx: &mut Tx<'_>, key: ScheduledKey, asked: &[u8], message: &ScheduledMessage) -> Result<()> {
    let (user, cmid, conversation) = key;
    let body = message.content.as_ref().map(Content::encode_to_vec).unwrap_or_default();
    tx.exec(
        "INSERT INTO messaging_scheduled
         (user_id, cmid, conversation, state, send_at, created_at, expires_in, asked, code, failed_at, body, file_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', 0, ?, ?)",
        &[
            (&user).into(),
            (&cmid).into(),
            (&conversation).into(),
            WAITING.into(),
            message.send_at.into(),
            message.created_at.into(),
            message.expires_in_ms.into(),
            asked.into(),
            (&body).into(),
            message.content.as_ref().and_then(Content::file_id).into(),
        ],
    )?;
    Ok(())
}

/// A scheduled message.
pub fn scheduled(reader: &Reader<'_>, (user, cmid, conversation): ScheduledKey) -> Result<Option<Scheduled>> {
    let sql = format!("SELECT {COLUMNS} FROM messaging_scheduled WHERE user_id = ? AND cmid = ? AND conversation = ?");
    reader.row(&sql, &[(&user).into(), (&cmid).into(), (&conversation).into()], scheduled_from_row)
}

/// Somebody's scheduled messages after one of them, in the order of their keys; of those that failed only those that did
/// after `failed_after`.
pub fn scheduled_by(
    reader: &Reader<'_>,
    user: UserId,
    (cmid, conversation): (MessageId, ConversationId),
    failed_after: Timestamp,
    limit: usize,
) -> Result<Vec<Scheduled>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messaging_scheduled
         WHERE user_id = ? AND (cmid > ? OR (cmid = ? AND conversation > ?)) AND (state <> ? OR failed_at > ?)
         ORDER BY cmid, conversation LIMIT ?"
    );
    let place = [
        (&user).into(),
        (&cmid).into(),
        (&cmid).into(),
        (&conversation).into(),
        FAILED.into(),
        failed_after.into(),
        (limit as i64).into(),
    ];
    reader.rows(&sql, &place, scheduled_from_row)
}

/// How many somebody has, those that failed included.
pub fn count_scheduled(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_scheduled WHERE user_id = ?", &[(&user).into()])
}

/// Another time for a message that waits.
pub fn set_send_at(tx: &mut Tx<'_>, (user, cmid, conversation): ScheduledKey, send_at: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE messaging_scheduled SET send_at = ? WHERE user_id = ? AND cmid = ? AND conversation = ?",
        &[send_at.into(), (&user).into(), (&cmid).into(), (&conversation).into()],
    )?;
    Ok(())
}

/// It is in the log, or is not to be sent. Answers the file that it named.
pub fn delete_scheduled(tx: &mut Tx<'_>, (user, cmid, conversation): ScheduledKey) -> Result<Vec<FileId>> {
    let one = "user_id = ? AND cmid = ? AND conversation = ?";
    delete_where(tx, one, &[(&user).into(), (&cmid).into(), (&conversation).into()])
}

/// All of somebody's are forgotten. Answers the files that they named.
pub fn delete_scheduled_by(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<FileId>> {
    delete_where(tx, "user_id = ?", &[(&user).into()])
}

fn delete_where(tx: &mut Tx<'_>, which: &str, params: &[Value<'_>]) -> Result<Vec<FileId>> {
    let named = format!("SELECT file_id FROM messaging_scheduled WHERE {which} AND file_id IS NOT NULL");
    let files = tx.rows(&named, params, |row| row.id(0))?;
    tx.exec(&format!("DELETE FROM messaging_scheduled WHERE {which}"), params)?;
    Ok(files)
}

/// The messages whose time has come by `now`, the oldest first, those among them that were being sent before; from now
/// on they are being sent.
pub fn take_due(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Scheduled>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messaging_scheduled WHERE state IN (?, ?) AND send_at <= ?
         ORDER BY send_at, cmid LIMIT ?"
    );
    let until = [WAITING.into(), SENDING.into(), now.into(), (limit as i64).into()];
    let due = tx.rows(&sql, &until, scheduled_from_row)?;
    for scheduled in due.iter().filter(|scheduled| !scheduled.sending) {
        let (user, cmid, conversation) = &scheduled.key;
        tx.exec(
            "UPDATE messaging_scheduled SET state = ? WHERE user_id = ? AND cmid = ? AND conversation = ?",
            &[SENDING.into(), user.into(), cmid.into(), conversation.into()],
        )?;
    }
    Ok(due)
}

/// When the next one's time comes.
pub fn next_scheduled(reader: &Reader<'_>) -> Result<Option<Timestamp>> {
    reader.row(
        "SELECT send_at FROM messaging_scheduled WHERE state IN (?, ?) ORDER BY send_at LIMIT 1",
        &[WAITING.into(), SENDING.into()],
        |row| row.int(0),
    )
}

/// It was refused.
pub fn fail_scheduled(
    tx: &mut Tx<'_>,
    (user, cmid, conversation): ScheduledKey,
    code: &str,
    now: Timestamp,
) -> Result<()> {
    tx.exec(
        "UPDATE messaging_scheduled SET state = ?, code = ?, failed_at = ?
         WHERE user_id = ? AND cmid = ? AND conversation = ?",
        &[FAILED.into(), code.into(), now.into(), (&user).into(), (&cmid).into(), (&conversation).into()],
    )?;
    Ok(())
}

/// Those that failed long ago are forgotten, some at a time: of one person, whose turn it is because they have to do with it.
/// Answers the files that they named.
pub fn delete_failed_by(tx: &mut Tx<'_>, user: UserId, until: Timestamp) -> Result<Vec<FileId>> {
    let failed = "user_id = ? AND state = ? AND failed_at <= ?";
    delete_where(tx, failed, &[(&user).into(), FAILED.into(), until.into()])
}

fn scheduled_from_row(row: &Row<'_>) -> Result<Scheduled> {
    let (user, cmid, conversation): ScheduledKey = (row.id(0)?, row.id(1)?, row.id(2)?);
    let state = row.int(3)?;
    let content = Content::decode(row.bytes(10)?).map_err(|_| Error::internal("a scheduled message cannot be read"))?;
    let told = if state == FAILED { ScheduledState::Failed } else { ScheduledState::Waiting };
    Ok(Scheduled {
        key: (user, cmid, conversation),
        asked: row.blob(7)?,
        sending: state == SENDING,
        message: ScheduledMessage {
            conversation_id: conversation.to_vec(),
            client_msg_id: cmid.to_vec(),
            content: Some(content),
            send_at: row.int(4)?,
            expires_in_ms: row.int(6)?,
            state: told as i32,
            created_at: row.int(5)?,
            code: row.text(8)?,
            failed_at: row.int(9)?,
            seq: 0,
        },
    })
}
