//! Which files a person may read now: those in a message that they may read now.

use std::collections::HashMap;

use anser_contract::{
    Context,
    v1::{MayReadFilesReply, MayReadFilesRequest},
};
use anser_types::{Error, FileId, Result};

use super::{MOST, look_up::Seen, reader_of};
use crate::{Messaging, message::store};

/// Messages with one file that are looked at. All of them are visible but for such as expired a moment ago and whose words
/// are being taken off.
const LOOKS: usize = 64;

/// A message that was recalled or has expired holds none any more.
pub async fn may_read_files(
    room: &Messaging,
    ctx: &Context,
    request: MayReadFilesRequest,
) -> Result<MayReadFilesReply> {
    let user = reader_of(ctx, &request.user_id)?;
    if request.file_ids.len() > MOST {
        return Err(Error::field("file_ids", format!("{MOST} at most")));
    }
    let files = request.file_ids.iter().map(|id| FileId::try_from(&id[..])).collect::<Result<Vec<_>>>();
    let files = files.map_err(|error| Error::field("file_ids", error.detail))?;
    let strangers = room.options.strangers;
    room.read(move |log| {
        let mut seen = Seen { log, user, strangers, views: HashMap::new() };
        let mut file_ids = Vec::new();
        for file in files {
            for (conversation, seq) in store::readable_with(log, file, user, LOOKS)? {
                if seen.entry(conversation, seq)?.is_some() {
                    file_ids.push(file.to_vec());
                    break;
                }
            }
        }
        Ok(MayReadFilesReply { file_ids })
    })
    .await
}
