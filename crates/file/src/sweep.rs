//! Takes away what nobody needs any more: uploads that were given up, files that no message came to name, content that no
//! file names, and bytes that a crash left without a row. Each look is bounded; what is left over is found by the next.

use std::{
    sync::{Weak, atomic::Ordering},
    time::Duration,
};

use anser_contract::v1::FileVariant;
use anser_types::Result;
use tokio::time::sleep;

use crate::{Room, abort_upload, blobs, blocking, staging, store};

/// What goes of one kind in one look.
const STEP: usize = 100;
/// Names that are compared with the tables in one look.
const NAMES: usize = 2_000;
/// Between two looks while there is more.
const PAUSE: Duration = Duration::from_millis(100);

/// Sweeps at once and then now and then, until the service is dropped.
pub(crate) async fn run(room: Weak<Room>) {
    loop {
        let pause = {
            let Some(room) = room.upgrade() else { return };
            match round(&room).await {
                Ok(gone) if gone >= STEP => PAUSE,
                Ok(_) => room.options.sweep_every,
                Err(error) => {
                    tracing::warn!(%error, "what nobody needs any more could not be swept");
                    room.options.sweep_every
                }
            }
        };
        sleep(pause).await;
    }
}

/// One look; answers how many things went.
pub(crate) async fn round(room: &Room) -> Result<usize> {
    let mut gone = 0;
    for (what, count) in [
        ("upload", uploads(room).await?),
        ("file", files(room).await?),
        ("blob", unused(room).await?),
        ("stray_upload", stray_uploads(room).await?),
        ("stray_blob", stray_blobs(room).await?),
    ] {
        metrics::counter!("anser_file_swept_total", "what" => what).increment(count as u64);
        gone += count;
    }
    Ok(gone)
}

async fn uploads(room: &Room) -> Result<usize> {
    let now = room.clock.now();
    let expired = room.db.read(move |reader| store::expired_uploads(reader, now, STEP as i64)).await?;
    let mut gone = 0;
    for id in expired {
        // One that is just being written or completed goes another time.
        if let Ok(true) = abort_upload::drop_upload(room, id).await {
            gone += 1;
        }
    }
    Ok(gone)
}

async fn files(room: &Room) -> Result<usize> {
    let now = room.clock.now();
    if room.db.read(move |reader| store::expired_files(reader, now, 1)).await?.is_empty() {
        return Ok(0);
    }
    room.db
        .write(move |tx| {
            let expired = store::expired_files(tx, now, STEP as i64)?;
            expired.iter().try_for_each(|file| store::delete_file(tx, file))?;
            Ok(expired.len())
        })
        .await
}

async fn unused(room: &Room) -> Result<usize> {
    let unused = room.db.read(|reader| store::unused_blobs(reader, STEP as i64)).await?;
    let mut gone = 0;
    for hash in unused {
        let _alone = room.alone_with(&hash).await;
        let row = hash.clone();
        if room.db.write(move |tx| store::delete_blob(tx, &row)).await? {
            for variant in [FileVariant::Thumbnail, FileVariant::Small, FileVariant::Original] {
                room.blobs.delete(&blobs::key(&hash, variant)).await?;
            }
            gone += 1;
        }
    }
    Ok(gone)
}

/// Bytes of uploads of which there is no row: a row is written before the first byte.
async fn stray_uploads(room: &Room) -> Result<usize> {
    let mut gone = 0;
    for id in room.staging.uploads(NAMES)? {
        if room.db.read(move |reader| store::upload(reader, id)).await?.is_some() {
            continue;
        }
        let path = room.staging.path(id);
        blocking(move || staging::remove(&path)).await?;
        gone += 1;
    }
    Ok(gone)
}

/// Blobs of which there is no row. One part of the store at a time, so that all of it was seen after 256 looks.
async fn stray_blobs(room: &Room) -> Result<usize> {
    let prefix = format!("{:02x}", room.next_prefix.fetch_add(1, Ordering::Relaxed));
    sweep_prefix(room, &prefix).await
}

/// Removes what is in one part of the store without a row.
pub(crate) async fn sweep_prefix(room: &Room, prefix: &str) -> Result<usize> {
    let mut gone = 0;
    for key in room.blobs.list(prefix, NAMES).await? {
        let Some(hash) = blobs::hash_of(&key) else { continue };
        let _alone = room.alone_with(&hash).await;
        if !room.db.read(move |reader| store::has_blob(reader, &hash)).await? {
            room.blobs.delete(&key).await?;
            gone += 1;
        }
    }
    Ok(gone)
}
