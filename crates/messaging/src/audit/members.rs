//! The people of a conversation, as the auditor sees them: their stays and cursors lie within the log.

use anser_engine::Reader;
use anser_types::{ConversationId, Result, UserId};

use super::Mismatch;
use crate::log::Snapshot;

/// Checks up to `rows` stays after those of `after`; answers how many, and after whom to go on, `None` at the end.
pub fn check(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    after: Option<UserId>,
    rows: usize,
    found: &mut Vec<Mismatch>,
) -> Result<(usize, Option<UserId>)> {
    let head = log.head(conversation)?.seq;
    let mut mismatch = |user, seq, what| found.push(Mismatch { conversation, seq, user, what });
    if after.is_none() && counted(log, conversation)? != noted(log, conversation)? {
        mismatch(None, 0, "the member count is wrong");
    }
    let stays = stays_after(log, conversation, after, rows)?;
    for stay in &stays {
        let user = Some(stay.user);
        let to_seq = stay.to_seq.unwrap_or(head);
        if stay.from_seq < 1 || stay.from_seq > to_seq || to_seq > head {
            mismatch(user, stay.from_seq, "a stay is not within the log");
        }
        if stay.read_seq > head {
            mismatch(user, stay.read_seq, "a read cursor is beyond the head");
        }
    }
    let next = stays.last().filter(|_| stays.len() >= rows).map(|stay| stay.user);
    Ok((stays.len(), next))
}

/// Somebody's stay, with their cursor.
pub struct StayRow {
    pub user: UserId,
    pub role: i64,
    pub from_seq: i64,
    /// None: is a member now.
    pub to_seq: Option<i64>,
    pub read_seq: i64,
}

/// Stays in the order of people's ids.
pub fn stays_after(
    reader: &Reader<'_>,
    conversation: ConversationId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<StayRow>> {
    let after: &[u8] = after.as_ref().map_or(&[], |user| &user.0);
    reader.rows(
        "SELECT m.user_id, m.role, m.from_seq, m.to_seq, COALESCE(c.read_seq, 0)
         FROM messaging_member m
         LEFT JOIN messaging_cursor c ON c.user_id = m.user_id AND c.conversation = m.conversation
         WHERE m.conversation = ? AND m.user_id > ? ORDER BY m.user_id, m.from_seq LIMIT ?",
        &[(&conversation).into(), after.into(), (limit as i64).into()],
        |row| {
            Ok(StayRow {
                user: row.id(0)?,
                role: row.int(1)?,
                from_seq: row.int(2)?,
                to_seq: row.opt_int(3)?,
                read_seq: row.int(4)?,
            })
        },
    )
}

fn counted(reader: &Reader<'_>, conversation: ConversationId) -> Result<i64> {
    reader.number(
        "SELECT COUNT(*) FROM messaging_member WHERE conversation = ? AND to_seq IS NULL",
        &[(&conversation).into()],
    )
}

fn noted(reader: &Reader<'_>, conversation: ConversationId) -> Result<i64> {
    reader.number("SELECT member_count FROM messaging_conversation WHERE id = ?", &[(&conversation).into()])
}
