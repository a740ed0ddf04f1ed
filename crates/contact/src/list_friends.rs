//! The caller's friends, page by page.

use anser_contract::{
    Context,
    v1::{ListFriendsReply, ListFriendsRequest},
};
use anser_types::{Result, UserId};

use crate::{ContactService, store};

const QUERY: &str = "friends";
const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;

pub(crate) async fn list_friends(
    contact: &ContactService,
    ctx: &Context,
    request: ListFriendsRequest,
) -> Result<ListFriendsReply> {
    let me = ctx.user()?;
    let limit = page_size(request.limit);
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(UserId::try_from(&contact.pages.open(me, QUERY, cursor)?[..])?),
    };
    let mut items = contact.db.read(move |reader| store::friends(reader, me, after, limit as i64 + 1)).await?;
    let mut next_cursor = String::new();
    if items.len() > limit {
        items.truncate(limit);
        next_cursor = items.last().map(|last| contact.pages.seal(me, QUERY, &last.user_id)).unwrap_or_default();
    }
    Ok(ListFriendsReply { items, next_cursor })
}

/// 0 is the default; more than the most is the most.
pub(crate) fn page_size(limit: u32) -> usize {
    if limit == 0 { DEFAULT_LIMIT as usize } else { limit.min(MOST) as usize }
}
