//! The caller's open uploads, newest first: what a device goes on with that was interrupted.

use anser_contract::{
    Context,
    v1::{ListUploadsReply, ListUploadsRequest},
};
use anser_types::Result;

use crate::{Room, store};

const LIST: &str = "uploads";
const MOST: i64 = 200;

pub(crate) async fn list_uploads(room: &Room, ctx: &Context, request: ListUploadsRequest) -> Result<ListUploadsReply> {
    let me = ctx.user()?;
    let limit = i64::from(request.limit).clamp(1, MOST);
    let before = match request.cursor.as_str() {
        "" => vec![0xff; 16],
        cursor => room.pages.open(me, LIST, cursor)?,
    };
    let items = room
        .db
        .read(move |reader| {
            let uploads = store::uploads(reader, me, &before, limit)?;
            let described = uploads.into_iter().map(|upload| {
                let received = store::parts(reader, upload.id)?.into_iter().map(|(part, _)| part).collect();
                Ok(upload.described(received))
            });
            described.collect::<Result<Vec<_>>>()
        })
        .await?;
    let next_cursor = match items.last() {
        Some(last) if items.len() as i64 == limit => room.pages.seal(me, LIST, &last.upload_id),
        _ => String::new(),
    };
    Ok(ListUploadsReply { items, next_cursor })
}
