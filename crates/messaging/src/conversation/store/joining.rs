//! All SQL about links into groups and about those who wait for consent.

use anser_contract::v1::{JoinLink, JoinRequest};
use anser_engine::{Reader, Row, Tx, Value};
use anser_types::{ConversationId, JoinLinkId, Result, UserId};

const LINK: &str = "link_id, conversation, code, created_by, created_at, expires_at, uses, most_uses";

// Links

/// A new link.
pub fn insert_link(tx: &mut Tx<'_>, link: &JoinLink) -> Result<()> {
    tx.exec(
        "INSERT INTO messaging_join_link
             (link_id, conversation, code, created_by, created_at, expires_at, uses, most_uses)
         VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        &[
            (&link.link_id).into(),
            (&link.conversation_id).into(),
            link.code.as_bytes().into(),
            (&link.created_by).into(),
            link.created_at.into(),
            link.expires_at.into(),
            link.most_uses.into(),
        ],
    )?;
    Ok(())
}

/// The link with this code.
pub fn link_by_code(reader: &Reader<'_>, code: &str) -> Result<Option<JoinLink>> {
    let sql = format!("SELECT {LINK} FROM messaging_join_link WHERE code = ?");
    reader.row(&sql, &[code.as_bytes().into()], link_from_row)
}

/// The link with this id.
pub fn link(reader: &Reader<'_>, id: JoinLinkId) -> Result<Option<JoinLink>> {
    let sql = format!("SELECT {LINK} FROM messaging_join_link WHERE link_id = ?");
    reader.row(&sql, &[(&id).into()], link_from_row)
}

/// The links into a group, oldest first.
pub fn links(reader: &Reader<'_>, conversation: ConversationId, limit: i64) -> Result<Vec<JoinLink>> {
    let sql = format!("SELECT {LINK} FROM messaging_join_link WHERE conversation = ? ORDER BY link_id LIMIT ?");
    reader.rows(&sql, &[(&conversation).into(), limit.into()], link_from_row)
}

/// How many links lead into a group.
pub fn count_links(reader: &Reader<'_>, conversation: ConversationId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_join_link WHERE conversation = ?", &[(&conversation).into()])
}

/// Somebody used a link.
pub fn use_link(tx: &mut Tx<'_>, link: &JoinLink) -> Result<()> {
    tx.exec("UPDATE messaging_join_link SET uses = uses + 1 WHERE link_id = ?", &[(&link.link_id).into()])?;
    Ok(())
}

/// The link leads nowhere from now on.
pub fn delete_link(tx: &mut Tx<'_>, conversation: ConversationId, id: JoinLinkId) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_join_link WHERE link_id = ? AND conversation = ?",
        &[(&id).into(), (&conversation).into()],
    )?;
    Ok(())
}

fn link_from_row(row: &Row<'_>) -> Result<JoinLink> {
    Ok(JoinLink {
        link_id: row.blob(0)?,
        conversation_id: row.blob(1)?,
        code: String::from_utf8_lossy(row.bytes(2)?).into_owned(),
        created_by: row.blob(3)?,
        created_at: row.int(4)?,
        expires_at: row.int(5)?,
        uses: row.int(6)? as u32,
        most_uses: row.int(7)? as u32,
    })
}

// Requests

/// Somebody waits for consent; answers false where they do already.
pub fn insert_request(tx: &mut Tx<'_>, request: &JoinRequest) -> Result<bool> {
    tx.insert_new(
        "INSERT INTO messaging_join_request (conversation, user_id, message, invited_by, created_at)
         VALUES (?, ?, ?, ?, ?)",
        &[
            (&request.conversation_id).into(),
            (&request.user_id).into(),
            (&request.message).into(),
            (&request.invited_by).into(),
            request.created_at.into(),
        ],
    )
}

/// Who waits to come into a group, if they do.
pub fn request(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Option<JoinRequest>> {
    reader.row(
        "SELECT conversation, user_id, message, invited_by, created_at FROM messaging_join_request
         WHERE conversation = ? AND user_id = ?",
        &[(&conversation).into(), (&user).into()],
        request_from_row,
    )
}

/// Those who wait after `after`, in the order of their ids.
pub fn requests(
    reader: &Reader<'_>,
    conversation: ConversationId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<JoinRequest>> {
    let after: &[u8] = after.as_ref().map_or(&[], |user| &user.0);
    reader.rows(
        "SELECT conversation, user_id, message, invited_by, created_at FROM messaging_join_request
         WHERE conversation = ? AND user_id > ? ORDER BY user_id LIMIT ?",
        &[(&conversation).into(), after.into(), Value::from(limit as i64)],
        request_from_row,
    )
}

/// How many wait to come into a group.
pub fn count_requests(reader: &Reader<'_>, conversation: ConversationId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_join_request WHERE conversation = ?", &[(&conversation).into()])
}

/// In how many groups somebody waits for consent.
pub fn count_requests_by(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_join_request WHERE user_id = ?", &[(&user).into()])
}

/// They wait no longer.
pub fn delete_request(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_join_request WHERE conversation = ? AND user_id = ?",
        &[(&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// Somebody waits for no group any longer.
pub fn delete_requests_by(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.exec("DELETE FROM messaging_join_request WHERE user_id = ?", &[(&user).into()])?;
    Ok(())
}

fn request_from_row(row: &Row<'_>) -> Result<JoinRequest> {
    Ok(JoinRequest {
        conversation_id: row.blob(0)?,
        user_id: row.blob(1)?,
        message: row.text(2)?,
        invited_by: row.blob(3)?,
        created_at: row.int(4)?,
    })
}
