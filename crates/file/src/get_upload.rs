//! How far an upload is. One that is complete is told from the file that it became.

use anser_contract::{
    Context,
    v1::{GetUploadRequest, Upload},
};
use anser_engine::Reader;
use anser_types::{Action, Error, FileId, Result, Standing, UploadId, UserId, authorise};

use crate::{
    Room,
    store::{self, OpenUpload},
};

pub(crate) async fn get_upload(room: &Room, ctx: &Context, request: GetUploadRequest) -> Result<Upload> {
    let me = ctx.user()?;
    own(room, me, UploadId::try_from(&request.upload_id[..])?).await
}

/// One of somebody's uploads, open or complete.
pub(crate) async fn own(room: &Room, me: UserId, id: UploadId) -> Result<Upload> {
    room.db
        .read(move |reader| {
            if let Some(done) = complete(reader, me, id)? {
                return Ok(done);
            }
            let upload = open_upload(reader, me, id)?;
            let received = store::parts(reader, id)?.into_iter().map(|(part, _)| part).collect();
            Ok(upload.described(received))
        })
        .await
}

/// One of somebody's open uploads. Of another's nobody learns that it exists.
pub(crate) fn open_upload(reader: &Reader<'_>, me: UserId, id: UploadId) -> Result<OpenUpload> {
    let upload = store::upload(reader, id)?.ok_or_else(|| Error::not_found("upload"))?;
    let standing = if upload.owner == me { Standing::Own } else { Standing::Outsider };
    authorise(Action::ManageUpload, standing).map_err(|_| Error::not_found("upload"))?;
    Ok(upload)
}

fn complete(reader: &Reader<'_>, me: UserId, id: UploadId) -> Result<Option<Upload>> {
    let found = store::file(reader, FileId(id.0))?.filter(|stored| stored.file.owner_id == me.as_bytes());
    Ok(found.map(|stored| Upload {
        upload_id: id.to_vec(),
        name: stored.file.name,
        size: stored.file.size,
        part_bytes: stored.file.size,
        parts: 1,
        received: vec![1],
        created_at: stored.file.created_at,
        expires_at: 0,
        file_id: stored.file.file_id,
    }))
}
