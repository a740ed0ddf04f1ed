//! What is known of complete files.

use anser_contract::v1::{File, GetFilesReply, GetFilesRequest};
use anser_types::{Error, FileId, Result};

use crate::{Room, store};

/// Files that one call may ask for.
pub(crate) const MOST: usize = 200;

pub(crate) async fn get_files(room: &Room, request: GetFilesRequest) -> Result<GetFilesReply> {
    let ids = parse(&request.file_ids)?;
    let items = room.db.read(move |reader| {
        let found: Result<Vec<Option<File>>> =
            ids.iter().map(|id| Ok(store::file(reader, *id)?.map(|stored| stored.file))).collect();
        Ok(found?.into_iter().flatten().collect())
    });
    Ok(GetFilesReply { items: items.await? })
}

/// The ids that a call names.
pub(crate) fn parse(ids: &[Vec<u8>]) -> Result<Vec<FileId>> {
    if ids.len() > MOST {
        return Err(Error::field("file_ids", format!("at most {MOST}")));
    }
    ids.iter().map(|id| FileId::try_from(&id[..])).collect()
}
