//! Every statement of this service.

use anser_contract::v1::{File, FilePurpose, Upload};
use anser_engine::{Reader, Row, Tx};
use anser_types::{FileId, Result, Timestamp, UploadId, UserId};

use crate::{blobs::hex, examine::Found, keeper::Content};

/// An open upload as it stands in the table.
#[derive(Clone, Debug)]
pub(crate) struct OpenUpload {
    pub(crate) id: UploadId,
    pub(crate) owner: UserId,
    pub(crate) name: String,
    /// -1: not known before it ends.
    pub(crate) size: i64,
    pub(crate) sha256: Vec<u8>,
    pub(crate) part_bytes: i64,
    pub(crate) parts: i64,
    pub(crate) at_once: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl OpenUpload {
    /// As callers see it, with the parts that are there.
    pub(crate) fn described(self, received: Vec<u32>) -> Upload {
        Upload {
            upload_id: self.id.to_vec(),
            name: self.name,
            size: self.size,
            part_bytes: self.part_bytes,
            parts: self.parts as u32,
            received,
            created_at: self.created_at,
            expires_at: self.expires_at,
            file_id: Vec::new(),
        }
    }
}

macro_rules! select_upload {
    ($rest:literal) => {
        concat!(
            "SELECT upload_id, owner_id, name, size, sha256, part_bytes, parts, at_once, created_at, expires_at ",
            "FROM file_upload ",
            $rest
        )
    };
}

fn upload_of(row: &Row<'_>) -> Result<OpenUpload> {
    Ok(OpenUpload {
        id: row.id(0)?,
        owner: row.id(1)?,
        name: row.text(2)?,
        size: row.int(3)?,
        sha256: row.blob(4)?,
        part_bytes: row.int(5)?,
        parts: row.int(6)?,
        at_once: row.flag(7)?,
        created_at: row.int(8)?,
        expires_at: row.int(9)?,
    })
}

pub(crate) fn insert_upload(tx: &mut Tx<'_>, upload: &OpenUpload) -> Result<()> {
    tx.exec(
        "INSERT INTO file_upload
             (upload_id, owner_id, name, size, sha256, part_bytes, parts, at_once, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            (&upload.id).into(),
            (&upload.owner).into(),
            (&upload.name).into(),
            upload.size.into(),
            (&upload.sha256).into(),
            upload.part_bytes.into(),
            upload.parts.into(),
            upload.at_once.into(),
            upload.created_at.into(),
            upload.expires_at.into(),
        ],
    )
    .map(|_| ())
}

pub(crate) fn upload(reader: &Reader<'_>, id: UploadId) -> Result<Option<OpenUpload>> {
    reader.row(select_upload!("WHERE upload_id = ?"), &[(&id).into()], upload_of)
}

/// Somebody's open uploads before one of them, newest first.
pub(crate) fn uploads(reader: &Reader<'_>, owner: UserId, before: &[u8], limit: i64) -> Result<Vec<OpenUpload>> {
    reader.rows(
        select_upload!("WHERE owner_id = ? AND at_once = 0 AND upload_id < ? ORDER BY upload_id DESC LIMIT ?"),
        &[(&owner).into(), before.into(), limit.into()],
        upload_of,
    )
}

/// Some of somebody's open uploads, of either kind.
pub(crate) fn uploads_of(reader: &Reader<'_>, owner: UserId, limit: i64) -> Result<Vec<OpenUpload>> {
    reader.rows(select_upload!("WHERE owner_id = ? LIMIT ?"), &[(&owner).into(), limit.into()], upload_of)
}

/// How many uploads of a kind somebody has open.
pub(crate) fn count_uploads(reader: &Reader<'_>, owner: UserId, at_once: bool) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM file_upload WHERE owner_id = ? AND at_once = ?";
    reader.number(sql, &[(&owner).into(), at_once.into()])
}

/// What somebody's open uploads come to, as far as that is known.
pub(crate) fn bytes_coming(reader: &Reader<'_>, owner: UserId) -> Result<i64> {
    reader.number("SELECT SUM(size) FROM file_upload WHERE owner_id = ? AND size > 0", &[(&owner).into()])
}

/// Uploads whose time is over.
pub(crate) fn expired_uploads(reader: &Reader<'_>, now: Timestamp, limit: i64) -> Result<Vec<UploadId>> {
    reader.rows(
        "SELECT upload_id FROM file_upload WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
        &[now.into(), limit.into()],
        |row| row.id(0),
    )
}

/// Forgets an upload and its parts; answers whether there was one.
pub(crate) fn delete_upload(tx: &mut Tx<'_>, id: UploadId) -> Result<bool> {
    tx.exec("DELETE FROM file_part WHERE upload_id = ?", &[(&id).into()])?;
    Ok(tx.exec("DELETE FROM file_upload WHERE upload_id = ?", &[(&id).into()])? > 0)
}

/// Forgets all uploads.
pub(crate) fn delete_uploads(tx: &mut Tx<'_>) -> Result<()> {
    tx.exec("DELETE FROM file_part", &[])?;
    tx.exec("DELETE FROM file_upload", &[]).map(|_| ())
}

/// A part of an open upload is there. Answers whether the upload still is.
pub(crate) fn insert_part(tx: &mut Tx<'_>, id: UploadId, part: u32, size: i64) -> Result<bool> {
    if upload(tx, id)?.is_none() {
        return Ok(false);
    }
    delete_part(tx, id, part)?;
    tx.exec(
        "INSERT INTO file_part (upload_id, part, size) VALUES (?, ?, ?)",
        &[(&id).into(), part.into(), size.into()],
    )?;
    Ok(true)
}

pub(crate) fn delete_part(tx: &mut Tx<'_>, id: UploadId, part: u32) -> Result<()> {
    tx.exec("DELETE FROM file_part WHERE upload_id = ? AND part = ?", &[(&id).into(), part.into()]).map(|_| ())
}

pub(crate) fn has_part(reader: &Reader<'_>, id: UploadId, part: u32) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM file_part WHERE upload_id = ? AND part = ?";
    Ok(reader.number(sql, &[(&id).into(), part.into()])? > 0)
}

/// The parts that are there, with their sizes. They are few: whoever makes an upload keeps them so.
pub(crate) fn parts(reader: &Reader<'_>, id: UploadId) -> Result<Vec<(u32, i64)>> {
    reader.rows("SELECT part, size FROM file_part WHERE upload_id = ? ORDER BY part", &[(&id).into()], |row| {
        Ok((row.int(0)? as u32, row.int(1)?))
    })
}

macro_rules! select_file {
    ($rest:literal) => {
        concat!(
            "SELECT f.file_id, f.name, f.size, b.media_type, b.kind, b.width, b.height, b.duration_ms, f.sha256, ",
            "f.created_at, f.owner_id, f.purpose, b.thumbnail, b.crc32, b.thumbnail_bytes, b.small_bytes ",
            "FROM file_file f JOIN file_blob b ON b.sha256 = f.sha256 ",
            $rest
        )
    };
}

/// A file with what is known of its content.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) file: File,
    pub(crate) sha256: Vec<u8>,
    pub(crate) thumbnail: Thumbnail,
    pub(crate) thumbnail_bytes: i64,
    pub(crate) small_bytes: i64,
}

/// How it stands with a picture's thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thumbnail {
    /// There is none, and there will be none.
    None = 0,
    /// It is to be made.
    Wanted = 1,
    /// It is there.
    Made = 2,
}

fn stored_of(row: &Row<'_>) -> Result<Stored> {
    let thumbnail = match row.int(12)? {
        1 => Thumbnail::Wanted,
        2 => Thumbnail::Made,
        _ => Thumbnail::None,
    };
    let sha256 = row.blob(8)?;
    let file = File {
        file_id: row.blob(0)?,
        name: row.text(1)?,
        size: row.int(2)?,
        media_type: row.text(3)?,
        kind: row.int(4)? as i32,
        width: row.int(5)? as u32,
        height: row.int(6)? as u32,
        duration_ms: row.int(7)?,
        sha256: hex(&sha256),
        created_at: row.int(9)?,
        owner_id: row.blob(10)?,
        purpose: row.int(11)? as i32,
        has_thumbnail: thumbnail == Thumbnail::Made,
        crc32: row.int(13)? as u32,
    };
    Ok(Stored { file, sha256, thumbnail, thumbnail_bytes: row.int(14)?, small_bytes: row.int(15)? })
}

pub(crate) fn file(reader: &Reader<'_>, id: FileId) -> Result<Option<Stored>> {
    reader.row(select_file!("WHERE f.file_id = ?"), &[(&id).into()], stored_of)
}

/// A new file.
pub(crate) struct NewFile<'n> {
    pub(crate) id: FileId,
    pub(crate) owner: UserId,
    pub(crate) name: &'n str,
    pub(crate) purpose: FilePurpose,
    pub(crate) created_at: Timestamp,
    /// 0: it stays.
    pub(crate) expires_at: Timestamp,
}

/// Stores a file of this content, which is stored with it where it is new. `small_bytes`: the size of its small variant, if
/// it has one.
pub(crate) fn insert_file(
    tx: &mut Tx<'_>,
    new: &NewFile<'_>,
    found: &Found,
    thumbnail: Thumbnail,
    small_bytes: i64,
) -> Result<()> {
    tx.insert_new(
        "INSERT INTO file_blob (sha256, size, crc32, media_type, kind, width, height, duration_ms, thumbnail, tries,
                                thumbnail_bytes, small_bytes, files)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)",
        &[
            (&found.sha256).into(),
            found.size.into(),
            i64::from(found.crc32).into(),
            found.media_type.into(),
            i32::from(found.kind).into(),
            found.width.into(),
            found.height.into(),
            found.duration_ms.into(),
            (thumbnail as i32).into(),
        ],
    )?;
    tx.exec("UPDATE file_blob SET files = files + 1 WHERE sha256 = ?", &[(&found.sha256).into()])?;
    if small_bytes > 0 {
        tx.exec(
            "UPDATE file_blob SET small_bytes = ? WHERE sha256 = ?",
            &[small_bytes.into(), (&found.sha256).into()],
        )?;
    }
    tx.exec(
        "INSERT INTO file_file (file_id, owner_id, name, sha256, size, purpose, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            (&new.id).into(),
            (&new.owner).into(),
            new.name.into(),
            (&found.sha256).into(),
            found.size.into(),
            i32::from(new.purpose).into(),
            new.created_at.into(),
            new.expires_at.into(),
        ],
    )?;
    tx.insert_new("INSERT INTO file_usage (user_id, bytes, files) VALUES (?, 0, 0)", &[(&new.owner).into()])?;
    tx.exec(
        "UPDATE file_usage SET bytes = bytes + ?, files = files + 1 WHERE user_id = ?",
        &[found.size.into(), (&new.owner).into()],
    )
    .map(|_| ())
}

/// One file that is to go.
pub(crate) struct Going {
    id: FileId,
    owner: UserId,
    sha256: Vec<u8>,
    size: i64,
}

fn going_of(row: &Row<'_>) -> Result<Going> {
    Ok(Going { id: row.id(0)?, owner: row.id(1)?, sha256: row.blob(2)?, size: row.int(3)? })
}

/// Files whose time is over.
pub(crate) fn expired_files(reader: &Reader<'_>, now: Timestamp, limit: i64) -> Result<Vec<Going>> {
    reader.rows(
        "SELECT file_id, owner_id, sha256, size FROM file_file
         WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?",
        &[now.into(), limit.into()],
        going_of,
    )
}

/// Files of somebody's that no message names: faces among them.
pub(crate) fn own_files(reader: &Reader<'_>, owner: UserId, limit: i64) -> Result<Vec<Going>> {
    reader.rows(
        "SELECT file_id, owner_id, sha256, size FROM file_file
         WHERE owner_id = ? AND (expires_at > 0 OR purpose = 2) LIMIT ?",
        &[(&owner).into(), limit.into()],
        going_of,
    )
}

/// Forgets a file; its content goes by itself where nothing else names it.
pub(crate) fn delete_file(tx: &mut Tx<'_>, going: &Going) -> Result<()> {
    tx.exec("DELETE FROM file_file WHERE file_id = ?", &[(&going.id).into()])?;
    tx.exec("UPDATE file_blob SET files = files - 1 WHERE sha256 = ?", &[(&going.sha256).into()])?;
    tx.exec(
        "UPDATE file_usage SET bytes = bytes - ?, files = files - 1 WHERE user_id = ?",
        &[going.size.into(), (&going.owner).into()],
    )?;
    tx.exec("DELETE FROM file_usage WHERE user_id = ? AND files <= 0", &[(&going.owner).into()]).map(|_| ())
}

/// Keeps a file until then at least, unless it stays anyway.
pub(crate) fn keep_file(tx: &mut Tx<'_>, id: FileId, until: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE file_file SET expires_at = ? WHERE file_id = ? AND expires_at > 0 AND expires_at < ?",
        &[until.into(), (&id).into(), until.into()],
    )
    .map(|_| ())
}

/// Says when a file goes; 0: it stays.
pub(crate) fn set_expiry(tx: &mut Tx<'_>, id: FileId, at: Timestamp) -> Result<()> {
    tx.exec("UPDATE file_file SET expires_at = ? WHERE file_id = ?", &[at.into(), (&id).into()]).map(|_| ())
}

/// What somebody's files come to, and how many they are.
pub(crate) fn usage(reader: &Reader<'_>, user: UserId) -> Result<(i64, i64)> {
    let found = reader.row("SELECT bytes, files FROM file_usage WHERE user_id = ?", &[(&user).into()], |row| {
        Ok((row.int(0)?, row.int(1)?))
    })?;
    Ok(found.unwrap_or_default())
}

/// Whether this content is stored.
pub(crate) fn has_blob(reader: &Reader<'_>, sha256: &[u8]) -> Result<bool> {
    Ok(reader.number("SELECT COUNT(*) FROM file_blob WHERE sha256 = ?", &[sha256.into()])? > 0)
}

/// How large the small variant of this content is, if the content is stored; 0: there is none.
pub(crate) fn small_bytes(reader: &Reader<'_>, sha256: &[u8]) -> Result<Option<i64>> {
    reader.row("SELECT small_bytes FROM file_blob WHERE sha256 = ?", &[sha256.into()], |row| row.int(0))
}

/// Contents that files name, by their hashes after this one.
pub(crate) fn contents_after(reader: &Reader<'_>, sha256: &[u8], limit: i64) -> Result<Vec<Content>> {
    reader.rows(
        "SELECT sha256, size, thumbnail_bytes, small_bytes FROM file_blob WHERE sha256 > ? AND files > 0
         ORDER BY sha256 LIMIT ?",
        &[sha256.into(), limit.into()],
        |row| {
            let (sha256, size) = (row.blob(0)?, row.int(1)?);
            Ok(Content { sha256, size, thumbnail_bytes: row.int(2)?, small_bytes: row.int(3)? })
        },
    )
}

/// Contents that nothing names any more.
pub(crate) fn unused_blobs(reader: &Reader<'_>, limit: i64) -> Result<Vec<Vec<u8>>> {
    let sql = "SELECT sha256 FROM file_blob WHERE files <= 0 LIMIT ?";
    reader.rows(sql, &[limit.into()], |row| row.blob(0))
}

/// Forgets a content that nothing names; answers whether it was so.
pub(crate) fn delete_blob(tx: &mut Tx<'_>, sha256: &[u8]) -> Result<bool> {
    Ok(tx.exec("DELETE FROM file_blob WHERE sha256 = ? AND files <= 0", &[sha256.into()])? > 0)
}

/// A picture that waits for its thumbnail.
pub(crate) struct Waiting {
    pub(crate) sha256: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) media_type: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

/// Pictures that wait, and of which it was not tried too often.
pub(crate) fn waiting(reader: &Reader<'_>, most_tries: i64, limit: i64) -> Result<Vec<Waiting>> {
    reader.rows(
        "SELECT sha256, size, media_type, width, height FROM file_blob WHERE thumbnail = 1 AND tries < ? LIMIT ?",
        &[most_tries.into(), limit.into()],
        |row| {
            Ok(Waiting {
                sha256: row.blob(0)?,
                size: row.int(1)?,
                media_type: row.text(2)?,
                width: row.int(3)?,
                height: row.int(4)?,
            })
        },
    )
}

/// It is tried to make this thumbnail. Answers whether it is still wanted.
pub(crate) fn try_thumbnail(tx: &mut Tx<'_>, sha256: &[u8]) -> Result<bool> {
    Ok(tx.exec("UPDATE file_blob SET tries = tries + 1 WHERE sha256 = ? AND thumbnail = 1", &[sha256.into()])? > 0)
}

/// A thumbnail is there, or there will be none.
pub(crate) fn set_thumbnail(tx: &mut Tx<'_>, sha256: &[u8], thumbnail: Thumbnail, bytes: i64) -> Result<()> {
    tx.exec(
        "UPDATE file_blob SET thumbnail = ?, thumbnail_bytes = ? WHERE sha256 = ?",
        &[(thumbnail as i32).into(), bytes.into(), sha256.into()],
    )
    .map(|_| ())
}
