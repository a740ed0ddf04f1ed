//! All SQL about what people set for themselves about conversations.

use anser_engine::{Reader, Row, Tx};
use anser_types::{ConversationId, Result, Timestamp, UserId};

const COLUMNS: &str =
    "conversation, pinned_at, muted_until, archived, hidden_seq, unread_mark, draft, changed_at, version";

/// What one person set about one conversation.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Since when it stands on top; 0: it does not.
    pub pinned_at: Timestamp,
    /// Until when devices keep quiet about it.
    pub muted_until: Timestamp,
    /// Put aside.
    pub archived: bool,
    /// Out of the list while its head is not beyond this; 0: not hidden.
    pub hidden_seq: i64,
    /// Marked unread while the read cursor stands there; -1: not marked.
    pub unread_mark: i64,
    /// Words not sent yet.
    pub draft: String,
    /// When something here changed last.
    pub changed_at: Timestamp,
    /// The person's version it changed at.
    pub version: i64,
}

impl Setting {
    /// Nothing is set.
    pub fn none(conversation: ConversationId) -> Self {
        Self {
            conversation,
            pinned_at: 0,
            muted_until: 0,
            archived: false,
            hidden_seq: 0,
            unread_mark: -1,
            draft: String::new(),
            changed_at: 0,
            version: 0,
        }
    }
}

/// What `user` set about `conversation`; nothing set is [`Setting::none`].
pub fn setting(reader: &Reader<'_>, user: UserId, conversation: ConversationId) -> Result<Setting> {
    let sql = format!("SELECT {COLUMNS} FROM messaging_setting WHERE user_id = ? AND conversation = ?");
    let found = reader.row(&sql, &[(&user).into(), (&conversation).into()], from_row)?;
    Ok(found.unwrap_or_else(|| Setting::none(conversation)))
}

/// Everything that `user` set.
pub fn settings(reader: &Reader<'_>, user: UserId) -> Result<Vec<Setting>> {
    let sql = format!("SELECT {COLUMNS} FROM messaging_setting WHERE user_id = ?");
    reader.rows(&sql, &[(&user).into()], from_row)
}

/// What `user` set after `version`, in the order of versions.
pub fn settings_since(reader: &Reader<'_>, user: UserId, version: i64, limit: usize) -> Result<Vec<Setting>> {
    let sql =
        format!("SELECT {COLUMNS} FROM messaging_setting WHERE user_id = ? AND version > ? ORDER BY version LIMIT ?");
    reader.rows(&sql, &[(&user).into(), version.into(), (limit as i64).into()], from_row)
}

/// Stores what `user` set.
pub fn put_setting(tx: &mut Tx<'_>, user: UserId, setting: &Setting) -> Result<()> {
    let row = [
        setting.pinned_at.into(),
        setting.muted_until.into(),
        setting.archived.into(),
        setting.hidden_seq.into(),
        setting.unread_mark.into(),
        (&setting.draft).into(),
        setting.changed_at.into(),
        setting.version.into(),
        (&user).into(),
        (&setting.conversation).into(),
    ];
    let known = tx.exec(
        "UPDATE messaging_setting SET pinned_at = ?, muted_until = ?, archived = ?, hidden_seq = ?, unread_mark = ?,
             draft = ?, changed_at = ?, version = ?
         WHERE user_id = ? AND conversation = ?",
        &row,
    )?;
    if known == 0 {
        tx.exec(
            "INSERT INTO messaging_setting (pinned_at, muted_until, archived, hidden_seq, unread_mark, draft,
                 changed_at, version, user_id, conversation)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &row,
        )?;
    }
    Ok(())
}

/// Counts a change of `user`'s settings; answers its version.
pub fn next_version(tx: &mut Tx<'_>, user: UserId) -> Result<i64> {
    tx.insert_new("INSERT INTO messaging_person (user_id, joined) VALUES (?, 0)", &[(&user).into()])?;
    tx.exec("UPDATE messaging_person SET version = version + 1 WHERE user_id = ?", &[(&user).into()])?;
    version(tx, user)
}

/// How often `user`'s settings changed.
pub fn version(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT version FROM messaging_person WHERE user_id = ?", &[(&user).into()])
}

/// Everything that `user` set and hid is forgotten.
pub fn delete_settings(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    for sql in [
        "DELETE FROM messaging_setting WHERE user_id = ?",
        "DELETE FROM messaging_deleted WHERE user_id = ?",
        "DELETE FROM messaging_deleted_since WHERE user_id = ?",
    ] {
        tx.exec(sql, &[(&user).into()])?;
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<Setting> {
    Ok(Setting {
        conversation: row.id(0)?,
        pinned_at: row.int(1)?,
        muted_until: row.int(2)?,
        archived: row.flag(3)?,
        hidden_seq: row.int(4)?,
        unread_mark: row.int(5)?,
        draft: row.text(6)?,
        changed_at: row.int(7)?,
        version: row.int(8)?,
    })
}
