//! How much the caller has, and may have.

use anser_contract::{Context, v1::FileUsage};
use anser_types::Result;

use crate::{Room, store};

pub(crate) async fn get_usage(room: &Room, ctx: &Context) -> Result<FileUsage> {
    let me = ctx.user()?;
    let (bytes_used, files) = room.db.read(move |reader| store::usage(reader, me)).await?;
    Ok(FileUsage { bytes_used, bytes_allowed: room.options.quota, files, largest_file: room.options.largest })
}
