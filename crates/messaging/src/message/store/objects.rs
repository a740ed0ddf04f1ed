//! The statements of which message holds which file, and of what the file service is still to be told of it.

use anser_contract::v1::Content;
use anser_engine::{Reader, Tx, Value};
use anser_types::{ConversationId, FileId, Result, Timestamp, UserId};

/// A message holds the files that it names. Answers which these are.
pub fn insert_objects(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    seq: i64,
    content: &Content,
) -> Result<Vec<FileId>> {
    let files: Vec<FileId> = content.file_ids().into_iter().filter_map(|id| FileId::try_from(id).ok()).collect();
    for file in &files {
        tx.insert_new(
            "INSERT INTO messaging_object (file_id, conversation, seq) VALUES (?, ?, ?)",
            &[file.into(), (&conversation).into(), seq.into()],
        )?;
    }
    Ok(files)
}

/// It holds none any more. Answers which it held.
pub fn delete_objects(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64) -> Result<Vec<FileId>> {
    let at = [Value::from(&conversation), seq.into()];
    let files =
        tx.rows("SELECT file_id FROM messaging_object WHERE conversation = ? AND seq = ?", &at, |row| row.id(0))?;
    if !files.is_empty() {
        tx.exec("DELETE FROM messaging_object WHERE conversation = ? AND seq = ?", &at)?;
    }
    Ok(files)
}

/// Whether a message holds a file.
pub fn holds(reader: &Reader<'_>, file: FileId, conversation: ConversationId, seq: i64) -> Result<bool> {
    let found = reader.row(
        "SELECT seq FROM messaging_object WHERE file_id = ? AND conversation = ? AND seq = ?",
        &[(&file).into(), (&conversation).into(), seq.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Whether any message does, or one that is sent later will.
pub fn is_held(reader: &Reader<'_>, file: FileId) -> Result<bool> {
    let held = reader.number(
        "SELECT EXISTS (SELECT 1 FROM messaging_object WHERE file_id = ?)
             OR EXISTS (SELECT 1 FROM messaging_scheduled WHERE file_id = ?)",
        &[(&file).into(), (&file).into()],
    )?;
    Ok(held != 0)
}

/// The messages with a file that lie within somebody's stays and that they did not delete for themselves, some of them.
pub fn readable_with(
    reader: &Reader<'_>,
    file: FileId,
    user: UserId,
    limit: usize,
) -> Result<Vec<(ConversationId, i64)>> {
    reader.rows(
        "SELECT o.conversation, o.seq FROM messaging_object o
         JOIN messaging_member m ON m.conversation = o.conversation AND m.user_id = ?
         WHERE o.file_id = ? AND o.seq >= m.from_seq AND (m.to_seq IS NULL OR o.seq <= m.to_seq)
           AND NOT EXISTS (SELECT 1 FROM messaging_deleted d
               WHERE d.user_id = ? AND d.conversation = o.conversation AND d.from_seq <= o.seq AND d.to_seq >= o.seq)
         ORDER BY o.conversation, o.seq DESC LIMIT ?",
        &[(&user).into(), (&file).into(), (&user).into(), (limit as i64).into()],
        |row| Ok((row.id(0)?, row.int(1)?)),
    )
}

/// The file service is to be told of a file at `due`.
pub fn note_moved(tx: &mut Tx<'_>, file: FileId, due: Timestamp) -> Result<()> {
    let row = [Value::from(due), (&file).into()];
    if tx.exec("UPDATE messaging_object_untold SET due = ? WHERE file_id = ?", &row)? == 0 {
        tx.exec("INSERT INTO messaging_object_untold (due, file_id) VALUES (?, ?)", &row)?;
    }
    Ok(())
}

/// The files of which it is to be told by `now`, the oldest first, and whether each is held.
pub fn moved_by(reader: &Reader<'_>, now: Timestamp, limit: usize) -> Result<Vec<(FileId, bool)>> {
    let files: Vec<FileId> = reader.rows(
        "SELECT file_id FROM messaging_object_untold WHERE due <= ? ORDER BY due LIMIT ?",
        &[now.into(), (limit as i64).into()],
        |row| row.id(0),
    )?;
    files.into_iter().map(|file| Ok((file, is_held(reader, file)?))).collect()
}

/// When it is to be told of the next.
pub fn next_moved(reader: &Reader<'_>) -> Result<Option<Timestamp>> {
    reader.row("SELECT due FROM messaging_object_untold ORDER BY due LIMIT 1", &[], |row| row.int(0))
}

/// It was told of a file.
pub fn forget_moved(tx: &mut Tx<'_>, file: FileId) -> Result<()> {
    tx.exec("DELETE FROM messaging_object_untold WHERE file_id = ?", &[(&file).into()])?;
    Ok(())
}
