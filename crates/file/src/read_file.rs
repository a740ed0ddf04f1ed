//! Bytes of a file, or of what was made of it.

use anser_contract::v1::{FileVariant, ReadFileReply, ReadFileRequest};
use anser_types::{Error, FileId, Result, plant::planted_every};

use crate::{
    PIECE_BYTES, Room, blobs,
    store::{self, Stored, Thumbnail},
};

/// What thumbnails and faces are encoded as.
const MADE_AS: &str = "image/jpeg";

pub(crate) async fn read_file(room: &Room, request: ReadFileRequest) -> Result<ReadFileReply> {
    let id = FileId::try_from(&request.file_id[..])?;
    let variant = request.variant();
    let stored = room.db.read(move |reader| store::file(reader, id)).await?;
    let stored = stored.ok_or_else(|| Error::not_found("file"))?;
    let (size, media_type) = described(&stored, variant)?;
    let offset = request.offset.clamp(0, size);
    let length = i64::from(request.limit).min(PIECE_BYTES as i64).min(size - offset);
    let data = room.blobs.read(&blobs::key(&stored.sha256, variant), offset as u64, length as u64).await?;
    metrics::counter!("anser_file_read_bytes_total").increment(data.len() as u64);
    let mut data = Vec::from(data);
    if let Some(first) = data.first_mut()
        && planted_every("file_torn", 5)
    {
        *first ^= 1;
    }
    Ok(ReadFileReply { data, size, media_type })
}

/// How large a variant is, and of what type, if there is one.
fn described(stored: &Stored, variant: FileVariant) -> Result<(i64, String)> {
    match variant {
        FileVariant::Unspecified | FileVariant::Original => Ok((stored.file.size, stored.file.media_type.clone())),
        FileVariant::Thumbnail => match stored.thumbnail {
            Thumbnail::Made => Ok((stored.thumbnail_bytes, MADE_AS.to_owned())),
            Thumbnail::Wanted => Err(Error::unavailable("the thumbnail is being made")),
            Thumbnail::None => Err(Error::not_found("thumbnail")),
        },
        FileVariant::Small if stored.small_bytes > 0 => Ok((stored.small_bytes, MADE_AS.to_owned())),
        FileVariant::Small => Err(Error::not_found("small picture")),
    }
}
