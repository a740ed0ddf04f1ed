//! Begins an upload: what is coming, and whether there is room for it.

use anser_contract::{
    Context,
    v1::{CreateUploadRequest, Upload},
};
use anser_engine::{Reader, Tx};
use anser_types::{Code, Error, Result, UploadId, UserId};

use crate::{
    FileOptions, Room, blobs, get_upload, name,
    store::{self, OpenUpload},
};

/// The most parts that a file comes in. One so large that it would have more has larger parts.
const MOST_PARTS: i64 = 1_000;
const MIB: i64 = 1 << 20;
/// How long an upload may take that comes with one request, in milliseconds.
const AT_ONCE_MS: i64 = 3_600_000;
/// Uploads of one person that come with requests of their own.
const AT_ONCE_MOST: i64 = 100;

pub(crate) async fn create_upload(room: &Room, ctx: &Context, request: CreateUploadRequest) -> Result<Upload> {
    let me = ctx.user()?;
    let CreateUploadRequest { name, size, sha256, idempotency_key, at_once } = request;
    let options = &room.options;
    check_size(options, size, at_once)?;
    let wanted = match sha256.as_str() {
        "" => Vec::new(),
        digits => blobs::unhex(digits).ok_or_else(|| Error::field("sha256", "64 hexadecimal digits"))?,
    };
    room.db.growth_allowed()?;
    let asked = [name.as_bytes(), &size.to_be_bytes(), &wanted, &[u8::from(at_once)]];
    let once = room.fingerprints.once(me, "create_upload", idempotency_key, &asked);
    let now = room.clock.now();
    let (part_bytes, parts) = cut(options, size, at_once);
    let ttl_ms = options.upload_ttl.as_millis() as i64;
    let upload = OpenUpload {
        id: UploadId::new(&room.clock),
        owner: me,
        name: name::clean(&name)?,
        size,
        sha256: wanted,
        part_bytes,
        parts,
        at_once,
        created_at: now,
        expires_at: now + if at_once { ttl_ms.min(AT_ONCE_MS) } else { ttl_ms },
    };
    let limits = Limits { quota: options.quota, uploads: options.uploads_a_user };
    let made = room
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                insert(tx, &upload, &limits)?;
                Ok(upload.id.to_vec())
            })
        })
        .await?;
    let upload = get_upload::own(room, me, UploadId::try_from(&made[..])?).await;
    upload.map_err(|error| match error.code {
        Code::NotFound => Error::new(Code::Gone, "the upload that this key began is no more"),
        _ => error,
    })
}

struct Limits {
    quota: i64,
    uploads: i64,
}

fn insert(tx: &mut Tx<'_>, upload: &OpenUpload, limits: &Limits) -> Result<()> {
    let most = if upload.at_once { AT_ONCE_MOST } else { limits.uploads };
    if store::count_uploads(tx, upload.owner, upload.at_once)? >= most {
        return Err(Error::new(Code::LimitExceeded, format!("nobody has more than {most} uploads open")));
    }
    let coming = store::bytes_coming(tx, upload.owner)?;
    ensure_room(tx, upload.owner, coming.saturating_add(upload.size.max(0)), limits.quota)?;
    store::insert_upload(tx, upload)
}

/// Refuses what would be more than somebody may have.
pub(crate) fn ensure_room(reader: &Reader<'_>, owner: UserId, more: i64, quota: i64) -> Result<()> {
    let (used, _) = store::usage(reader, owner)?;
    if used.saturating_add(more) > quota {
        return Err(Error::new(Code::LimitExceeded, format!("your files may come to {quota} bytes")));
    }
    Ok(())
}

fn check_size(options: &FileOptions, size: i64, at_once: bool) -> Result<()> {
    let most = if at_once { options.largest.min(options.largest_at_once) } else { options.largest };
    if size > most {
        return Err(Error::new(Code::TooLarge, format!("a file has at most {most} bytes here")));
    }
    if size < 0 && !(at_once && size == -1) {
        return Err(Error::field("size", "must be known, and not negative"));
    }
    Ok(())
}

/// The size of each part but the last, and how many there are. An empty file has one.
fn cut(options: &FileOptions, size: i64, at_once: bool) -> (i64, i64) {
    if at_once {
        return (options.largest.min(options.largest_at_once), 1);
    }
    let least = (size + MOST_PARTS - 1) / MOST_PARTS;
    let part_bytes = if least <= options.part_bytes { options.part_bytes } else { (least + MIB - 1) / MIB * MIB };
    (part_bytes, ((size + part_bytes - 1) / part_bytes).max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_cover_a_file_and_are_not_too_many(size in 0i64..1 << 45) {
            let (part_bytes, parts) = cut(&FileOptions::default(), size, false);
            prop_assert!((1..=MOST_PARTS).contains(&parts));
            prop_assert!(part_bytes * parts >= size);
            prop_assert!(size == 0 || part_bytes * (parts - 1) < size);
        }
    }
}
