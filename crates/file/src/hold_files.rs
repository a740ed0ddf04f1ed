//! Messages name these files, so they stay; or none does any more, so they go.

use anser_contract::{
    Context,
    v1::{HoldFilesReply, HoldFilesRequest},
};
use anser_types::Result;

use crate::{Room, get_files, store};

/// How long a file stays that was let go of: somebody may be reading it, or about to name it again. What was recalled has to be
/// gone within a day.
const RELEASED_MS: i64 = 3_600_000;

pub(crate) async fn hold_files(room: &Room, ctx: &Context, request: HoldFilesRequest) -> Result<HoldFilesReply> {
    ctx.require_service()?;
    let ids = get_files::parse(&request.file_ids)?;
    let until = room.clock.now() + RELEASED_MS.min(room.options.unclaimed_ttl.as_millis() as i64);
    let at = if request.release { until } else { 0 };
    room.db.write(move |tx| ids.iter().try_for_each(|id| store::set_expiry(tx, *id, at))).await?;
    Ok(HoldFilesReply {})
}
