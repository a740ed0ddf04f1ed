//! Makes a file of an upload: hashes it, looks at what it is, stores it once, and only then lets anybody see it.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{CompleteUploadRequest, File, FileKind, FilePurpose, FileVariant},
};
use anser_engine::failpoint::failpoint;
use anser_types::{Code, Error, FileId, Result, UploadId, UserId};

use crate::{
    Room, blobs, blocking, create_upload,
    desk::Doing,
    examine::{Found, examine},
    get_upload,
    picture::Bounds,
    staging,
    store::{self, NewFile, OpenUpload, Thumbnail},
};

pub(crate) async fn complete_upload(room: &Arc<Room>, ctx: &Context, request: CompleteUploadRequest) -> Result<File> {
    let me = ctx.user()?;
    let id = UploadId::try_from(&request.upload_id[..])?;
    let (done, found) = room
        .db
        .read(move |reader| {
            let done = own_file(reader, me, id)?;
            let found = if done.is_some() { None } else { Some(whole(reader, me, id)?) };
            Ok((done, found))
        })
        .await?;
    let upload = match (done, found) {
        (Some(file), _) => return Ok(file),
        (None, Some(upload)) => upload,
        (None, None) => return Err(Error::not_found("upload")),
    };
    let closed = room.desk.close(id)?;
    // Goes on when nobody waits any more: a large file is done by the time its client asks again.
    let room = room.clone();
    match tokio::spawn(async move { finish(&room, upload, closed).await }).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal(format!("an upload was not completed: {error}"))),
    }
}

/// The file that this upload has become.
fn own_file(reader: &anser_engine::Reader<'_>, me: UserId, id: UploadId) -> Result<Option<File>> {
    let found = store::file(reader, FileId(id.0))?;
    Ok(found.map(|stored| stored.file).filter(|file| file.owner_id == me.as_bytes()))
}

/// The upload, if all of its parts are there.
fn whole(reader: &anser_engine::Reader<'_>, me: UserId, id: UploadId) -> Result<OpenUpload> {
    let upload = get_upload::open_upload(reader, me, id)?;
    let parts = store::parts(reader, id)?;
    if parts.len() as i64 != upload.parts {
        let there: Vec<u32> = parts.iter().map(|(part, _)| *part).collect();
        let missing = (1..=upload.parts as u32).find(|part| !there.contains(part)).unwrap_or_default();
        return Err(Error::invalid(format!("part {missing} is not there yet")));
    }
    let size = parts.iter().map(|(_, size)| size).sum();
    Ok(OpenUpload { size, ..upload })
}

async fn finish(room: &Room, upload: OpenUpload, closed: Doing) -> Result<File> {
    let (id, owner) = (upload.id, upload.owner);
    let (path, bounds) = (room.staging.path(id), Bounds::of(&room.options));
    let _place = room.hashing.acquire().await.map_err(|_| Error::unavailable("the service ends"))?;
    let looked_at = path.clone();
    let found = blocking(move || examine(&looked_at, bounds)).await?;
    if found.size != upload.size {
        return Err(Error::internal("an upload is not as large as its parts"));
    }
    if !upload.sha256.is_empty() && upload.sha256 != found.sha256 {
        return Err(Error::field("sha256", "the bytes that came are others"));
    }
    if !is_taken(&room.options.types, found.media_type) {
        let what = format!("files of the type {} are not taken here", found.media_type);
        return Err(Error::new(Code::Unsupported, what));
    }
    let quota = room.options.quota;
    let alone = room.alone_with(&found.sha256).await;
    let hash = found.sha256.clone();
    let known = room
        .db
        .read(move |reader| {
            create_upload::ensure_room(reader, owner, upload.size, quota)?;
            store::has_blob(reader, &hash)
        })
        .await?;
    if known {
        metrics::counter!("anser_file_deduplicated_total").increment(1);
    } else {
        room.blobs.put_file(&blobs::key(&found.sha256, FileVariant::Original), path.clone()).await?;
    }
    failpoint("file_stored");
    let file = become_file(room, upload, found).await?;
    drop(alone);
    failpoint("file_complete");
    let removed = blocking(move || staging::remove(&path)).await;
    drop(closed);
    if let Err(error) = removed {
        // The sweep takes it.
        tracing::warn!(%error, "a completed upload could not be removed");
    }
    metrics::counter!("anser_file_uploads_total", "outcome" => "complete").increment(1);
    room.pictures.notify_one();
    Ok(file)
}

/// Whether one of `types` is this media type, or all of its kind (`image/*`). None: everything is taken.
fn is_taken(types: &[String], media_type: &str) -> bool {
    let is = |one: &String| match one.strip_suffix('*') {
        Some(kind) => media_type.starts_with(kind),
        None => one == media_type,
    };
    types.is_empty() || types.iter().any(is)
}

/// The transaction before which nobody sees the file, and after which everybody may.
async fn become_file(room: &Room, upload: OpenUpload, found: Found) -> Result<File> {
    let (now, quota) = (room.clock.now(), room.options.quota);
    let expires_at = now + room.options.unclaimed_ttl.as_millis() as i64;
    let small_enough = found.size <= room.options.picture_bytes;
    let thumbnail = if found.kind == FileKind::Image && small_enough { Thumbnail::Wanted } else { Thumbnail::None };
    room.db
        .write(move |tx| {
            // Whoever closed the account meanwhile has no upload any more.
            if !store::delete_upload(tx, upload.id)? {
                return Err(Error::not_found("upload"));
            }
            create_upload::ensure_room(tx, upload.owner, found.size, quota)?;
            let new = NewFile {
                id: FileId(upload.id.0),
                owner: upload.owner,
                name: &upload.name,
                purpose: FilePurpose::Message,
                created_at: now,
                expires_at,
            };
            store::insert_file(tx, &new, &found, thumbnail, 0)?;
            let stored = store::file(tx, new.id)?.ok_or_else(|| Error::internal("a file without its content"))?;
            Ok(stored.file)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_taken_one_by_one_or_all_of_a_kind() {
        let types = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert!(is_taken(&[], "application/zip"));
        let some = types(&["image/*", "audio/wav"]);
        assert!(is_taken(&some, "image/png") && is_taken(&some, "audio/wav"));
        assert!(!is_taken(&some, "audio/wave") && !is_taken(&some, "application/octet-stream"));
    }
}
