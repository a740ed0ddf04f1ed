//! Gives an upload up: nothing is left of it.

use anser_contract::{
    Context,
    v1::{AbortUploadReply, AbortUploadRequest},
};
use anser_types::{Result, UploadId};

use crate::{Room, blocking, get_upload, staging, store};

pub(crate) async fn abort_upload(room: &Room, ctx: &Context, request: AbortUploadRequest) -> Result<AbortUploadReply> {
    let me = ctx.user()?;
    let id = UploadId::try_from(&request.upload_id[..])?;
    room.db.read(move |reader| get_upload::open_upload(reader, me, id)).await?;
    drop_upload(room, id).await?;
    metrics::counter!("anser_file_uploads_total", "outcome" => "aborted").increment(1);
    Ok(AbortUploadReply {})
}

/// Forgets an upload, then removes its bytes: a crash in between leaves bytes that the sweep finds.
pub(crate) async fn drop_upload(room: &Room, id: UploadId) -> Result<bool> {
    let _closed = room.desk.close(id)?;
    let was_there = room.db.write(move |tx| store::delete_upload(tx, id)).await?;
    let path = room.staging.path(id);
    blocking(move || staging::remove(&path)).await?;
    Ok(was_there)
}
