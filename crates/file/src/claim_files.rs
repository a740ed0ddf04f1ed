//! A message is about to name these files: which of them its sender may put into it. They stay for a while from now on, so
//! that the message may be stored and then say so.

use anser_contract::{
    Context,
    v1::{ClaimFilesRequest, File, GetFilesReply},
};
use anser_engine::Tx;
use anser_types::{Action, FileId, Result, Standing, Timestamp, UserId, authorise};

use crate::{Room, get_files, store};

pub(crate) async fn claim_files(room: &Room, ctx: &Context, request: ClaimFilesRequest) -> Result<GetFilesReply> {
    ctx.require_service()?;
    let sender = UserId::try_from(&request.user_id[..])?;
    let ids = get_files::parse(&request.file_ids)?;
    let until = room.clock.now() + room.options.unclaimed_ttl.as_millis() as i64;
    let items = room
        .db
        .write(move |tx| {
            let claimed: Result<Vec<Option<File>>> = ids.iter().map(|id| claim(tx, sender, *id, until)).collect();
            Ok(claimed?.into_iter().flatten().collect())
        })
        .await?;
    Ok(GetFilesReply { items })
}

fn claim(tx: &mut Tx<'_>, sender: UserId, id: FileId, until: Timestamp) -> Result<Option<File>> {
    let Some(stored) = store::file(tx, id)? else { return Ok(None) };
    let own = stored.file.owner_id == sender.as_bytes();
    let standing = if own { Standing::Own } else { Standing::Outsider };
    if authorise(Action::UseFile, standing).is_err() {
        return Ok(None);
    }
    store::keep_file(tx, id, until)?;
    Ok(Some(stored.file))
}
