//! Whom the caller blocks, page by page.

use anser_contract::{
    Context,
    v1::{ListBlocksReply, ListBlocksRequest},
};
use anser_types::{Result, UserId};

use crate::{ContactService, list_friends::page_size, store};

const QUERY: &str = "blocks";

pub(crate) async fn list_blocks(
    contact: &ContactService,
    ctx: &Context,
    request: ListBlocksRequest,
) -> Result<ListBlocksReply> {
    let me = ctx.user()?;
    let limit = page_size(request.limit);
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(UserId::try_from(&contact.pages.open(me, QUERY, cursor)?[..])?),
    };
    let mut items = contact.db.read(move |reader| store::blocks(reader, me, after, limit as i64 + 1)).await?;
    let mut next_cursor = String::new();
    if items.len() > limit {
        items.truncate(limit);
        next_cursor = items.last().map(|last| contact.pages.seal(me, QUERY, &last.user_id)).unwrap_or_default();
    }
    Ok(ListBlocksReply { items, next_cursor })
}
