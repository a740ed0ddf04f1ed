//! A face out of a picture: its square middle, encoded anew in two sizes. It stays for as long as the account does, or until
//! it is let go of.

use anser_contract::{
    Context,
    v1::{File, FileKind, FilePurpose, FileVariant, MakeAvatarRequest},
};
use anser_types::{Action, Code, Error, FileId, Result, Standing, authorise};
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;

use crate::{
    Room, blobs, blocking, create_upload,
    examine::Found,
    picture::{self, Bounds, Face},
    store::{self, NewFile, Thumbnail},
};

const NAME: &str = "avatar.jpg";

pub(crate) async fn make_avatar(room: &Room, ctx: &Context, request: MakeAvatarRequest) -> Result<File> {
    let me = ctx.user()?;
    let id = FileId::try_from(&request.file_id[..])?;
    let stored = room.db.read(move |reader| store::file(reader, id)).await?;
    let stored = stored.ok_or_else(|| Error::not_found("file"))?;
    let own = stored.file.owner_id == me.as_bytes();
    let standing = if own { Standing::Own } else { Standing::Outsider };
    authorise(Action::UseFile, standing).map_err(|_| Error::not_found("file"))?;
    if stored.file.kind() != FileKind::Image || stored.file.size > room.options.picture_bytes {
        return Err(Error::new(
            Code::Unsupported,
            "a face is made of a JPEG, PNG, GIF or WebP picture, and not of one too large",
        ));
    }
    room.db.growth_allowed()?;

    let bounds = Bounds::of(&room.options);
    let weight = bounds.weight(stored.file.width.into(), stored.file.height.into());
    let place = timeout_at(ctx.deadline, room.decoding.acquire_many(weight));
    let place = place.await.map_err(|_| Error::unavailable("too many pictures are looked at"))?;
    let place = place.map_err(|_| Error::unavailable("the service ends"))?;
    let key = blobs::key(&stored.sha256, FileVariant::Original);
    let bytes = room.blobs.read(&key, 0, stored.file.size as u64).await?;
    let media_type = stored.file.media_type;
    let face = blocking(move || picture::face(&bytes, &media_type, bounds)).await?;
    drop(place);
    keep(room, me, face).await
}

async fn keep(room: &Room, me: anser_types::UserId, face: Face) -> Result<File> {
    let Face { normal, small, side } = face;
    let found = Found {
        sha256: Sha256::digest(&normal).to_vec(),
        crc32: crc32fast::hash(&normal),
        size: normal.len() as i64,
        media_type: "image/jpeg",
        kind: FileKind::Image,
        width: side,
        height: side,
        duration_ms: 0,
    };
    let _alone = room.alone_with(&found.sha256).await;
    let hash = found.sha256.clone();
    let small_bytes = small.len() as i64;
    let known = room.db.read(move |reader| store::small_bytes(reader, &hash)).await?;
    if known.is_none() {
        room.blobs.put(&blobs::key(&found.sha256, FileVariant::Original), room.staging.fresh(), normal).await?;
    }
    if known.unwrap_or_default() == 0 {
        room.blobs.put(&blobs::key(&found.sha256, FileVariant::Small), room.staging.fresh(), small).await?;
    }
    let (now, quota) = (room.clock.now(), room.options.quota);
    let id = FileId::new(&room.clock);
    room.db
        .write(move |tx| {
            create_upload::ensure_room(tx, me, found.size, quota)?;
            let purpose = FilePurpose::Avatar;
            let new = NewFile { id, owner: me, name: NAME, purpose, created_at: now, expires_at: 0 };
            store::insert_file(tx, &new, &found, Thumbnail::None, small_bytes)?;
            let stored = store::file(tx, id)?.ok_or_else(|| Error::internal("a file without its content"))?;
            Ok(stored.file)
        })
        .await
}
