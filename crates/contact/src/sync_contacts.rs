//! What moved about the caller's requests and friends since a version, in the order in which it moved.

use anser_contract::{
    Context,
    v1::{FriendCategories, SyncContactsReply, SyncContactsRequest},
};
use anser_types::{Error, Result};

use crate::{
    ContactService,
    store::{self, BlockRow, FriendRow, Request},
};

const ITEMS_A_PAGE: usize = 200;

/// One row that moved.
enum Moved {
    Friend(FriendRow),
    Request(Request),
    Categories(FriendCategories),
    Block(BlockRow),
}

pub(crate) async fn sync_contacts(
    contact: &ContactService,
    ctx: &Context,
    request: SyncContactsRequest,
) -> Result<SyncContactsReply> {
    let me = ctx.user()?;
    if request.since < 0 {
        return Err(Error::field("since", "must not be negative"));
    }
    let (mut moved, current) = contact
        .db
        .read(move |reader| {
            let current = store::version(reader, me)?;
            // A version that was never given is from another store: then everything is news.
            let since = if request.since > current { 0 } else { request.since };
            let limit = ITEMS_A_PAGE as i64 + 1;
            let friends = store::friends_since(reader, me, since, limit)?;
            let mut moved: Vec<(i64, Moved)> =
                friends.into_iter().map(|row| (row.version, Moved::Friend(row))).collect();
            for sent in [true, false] {
                let requests = store::requests_since(reader, me, sent, since, limit)?;
                moved.extend(requests.into_iter().map(|(version, request)| (version, Moved::Request(request))));
            }
            let blocks = store::blocks_since(reader, me, since, limit)?;
            moved.extend(blocks.into_iter().map(|row| (row.version, Moved::Block(row))));
            let version = store::categories_version(reader, me)?;
            if version > since {
                moved.push((version, Moved::Categories(store::categories(reader, me)?)));
            }
            Ok((moved, current))
        })
        .await?;

    moved.sort_by_key(|(version, _)| *version);
    let (through, has_more) = cut(&mut moved, current);
    let now = contact.clock.now();
    let mut reply = SyncContactsReply { version: through, has_more, ..SyncContactsReply::default() };
    for (_, row) in moved {
        match row {
            Moved::Friend(row) if row.removed => reply.removed.push(row.friend.user_id),
            Moved::Friend(row) => reply.friends.push(row.friend),
            Moved::Request(request) => reply.requests.push(request.view(now)),
            Moved::Block(row) if row.removed => reply.unblocked.push(row.block.user_id),
            Moved::Block(row) => reply.blocks.push(row.block),
            Moved::Categories(categories) => reply.categories = Some(categories),
        }
    }
    Ok(reply)
}

/// Cuts what moved down to a page that ends between two versions, never within one; answers through which version it
/// goes and whether there is more. One version holds a handful of rows, so a page is never empty.
fn cut<T>(moved: &mut Vec<(i64, T)>, current: i64) -> (i64, bool) {
    let Some(&(beyond, _)) = moved.get(ITEMS_A_PAGE) else {
        return (current, false);
    };
    moved.retain(|(version, _)| *version < beyond);
    (beyond - 1, true)
}
