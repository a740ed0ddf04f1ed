//! Makes thumbnails, beside whatever people wait for. The table is the queue: a picture waits in it until its thumbnail is
//! there, and a crash forgets nothing. What was tried too often without an outcome is left alone: it may be what ended the process.

use std::{sync::Weak, time::Duration};

use anser_contract::v1::FileVariant;
use anser_types::{Code, Error, Result};
use futures_util::{StreamExt, stream};
use tokio::time::{sleep, timeout};

use crate::{
    Room, blobs, blocking,
    picture::{self, Bounds},
    store::{self, Thumbnail, Waiting},
};

const MOST_TRIES: i64 = 3;
/// Pictures that are taken up at a time.
const BATCH: i64 = 16;
/// A look that nothing asked for: what failed is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Between two batches.
const PAUSE: Duration = Duration::from_millis(5);

/// Makes thumbnails until the service is dropped.
pub(crate) async fn run(room: Weak<Room>) {
    let Some(rung) = room.upgrade().map(|room| room.pictures.clone()) else { return };
    loop {
        let Some(room) = room.upgrade() else { return };
        let outcome = round(&room).await;
        drop(room);
        match outcome {
            Ok(0) => {}
            Ok(_) => {
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => tracing::warn!(%error, "it could not be seen which thumbnails are to be made"),
        }
        let _rung_or_not = timeout(LOOK_EVERY, rung.notified()).await;
    }
}

/// Takes some of those that wait; answers how many.
pub(crate) async fn round(room: &Room) -> Result<usize> {
    let waiting = room.db.read(|reader| store::waiting(reader, MOST_TRIES, BATCH)).await?;
    let count = waiting.len();
    let working = stream::iter(waiting).for_each_concurrent(room.options.workers.max(1), |picture| async move {
        let outcome = match make(room, &picture).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(%error, "a thumbnail could not be made yet");
                "failed"
            }
        };
        metrics::counter!("anser_file_thumbnails_total", "outcome" => outcome).increment(1);
    });
    working.await;
    Ok(count)
}

async fn make(room: &Room, picture: &Waiting) -> Result<&'static str> {
    let hash = picture.sha256.clone();
    if !room.db.write(move |tx| store::try_thumbnail(tx, &hash)).await? {
        return Ok("unwanted");
    }
    let made = match decode(room, picture).await {
        Ok(made) => Some(made),
        // A panic of a decoder comes as `internal`; it would come again.
        Err(error) if matches!(error.code, Code::Unsupported | Code::Internal) => None,
        Err(error) => return Err(error),
    };
    let _alone = room.alone_with(&picture.sha256).await;
    let hash = picture.sha256.clone();
    if !room.db.read(move |reader| store::has_blob(reader, &hash)).await? {
        return Ok("unwanted");
    }
    let (state, bytes) = match &made {
        Some(made) => (Thumbnail::Made, made.len() as i64),
        None => (Thumbnail::None, 0),
    };
    if let Some(made) = made {
        room.blobs.put(&blobs::key(&picture.sha256, FileVariant::Thumbnail), room.staging.fresh(), made).await?;
    }
    let hash = picture.sha256.clone();
    room.db.write(move |tx| store::set_thumbnail(tx, &hash, state, bytes)).await?;
    Ok(if bytes > 0 { "made" } else { "refused" })
}

async fn decode(room: &Room, picture: &Waiting) -> Result<Vec<u8>> {
    let bounds = Bounds::of(&room.options);
    let weight = bounds.weight(picture.width, picture.height);
    let _place = room.decoding.acquire_many(weight).await.map_err(|_| Error::unavailable("the service ends"))?;
    let key = blobs::key(&picture.sha256, FileVariant::Original);
    let bytes = room.blobs.read(&key, 0, picture.size as u64).await?;
    let media_type = picture.media_type.clone();
    blocking(move || picture::thumbnail(&bytes, &media_type, bounds)).await
}
