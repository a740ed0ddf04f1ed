//! What is a closed account's own and in no message goes, a part of it at a time: open uploads, files, faces.

use anser_contract::{
    Context,
    v1::{ErasePersonReply, ErasePersonRequest},
};
use anser_types::{Result, UserId};

use crate::{Room, abort_upload, store};

/// What goes at a time.
const STEP: i64 = 50;

pub(crate) async fn erase_files(room: &Room, ctx: &Context, request: ErasePersonRequest) -> Result<ErasePersonReply> {
    ctx.require_service()?;
    let person = UserId::try_from(&request.user_id[..])?;
    let uploads = room.db.read(move |reader| store::uploads_of(reader, person, STEP)).await?;
    for upload in &uploads {
        abort_upload::drop_upload(room, upload.id).await?;
    }
    let files = room
        .db
        .write(move |tx| {
            let files = store::own_files(tx, person, STEP)?;
            files.iter().try_for_each(|file| store::delete_file(tx, file))?;
            Ok(files.len())
        })
        .await?;
    let more = uploads.len() as i64 == STEP || files as i64 == STEP;
    Ok(ErasePersonReply { more })
}
