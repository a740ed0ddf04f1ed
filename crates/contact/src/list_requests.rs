//! The friend requests the caller got or made, whatever became of them, newest first.

use anser_contract::{
    Context,
    v1::{ListRequestsReply, ListRequestsRequest},
};
use anser_types::{FriendRequestId, Result};

use crate::{ContactService, list_friends::page_size, store};

pub(crate) async fn list_requests(
    contact: &ContactService,
    ctx: &Context,
    request: ListRequestsRequest,
) -> Result<ListRequestsReply> {
    let me = ctx.user()?;
    let (sent, limit) = (request.sent, page_size(request.limit));
    let query = if sent { "requests sent" } else { "requests received" };
    let before = match request.cursor.as_str() {
        "" => None,
        cursor => Some(FriendRequestId::try_from(&contact.pages.open(me, query, cursor)?[..])?),
    };
    let mut requests =
        contact.db.read(move |reader| store::requests(reader, me, sent, before, limit as i64 + 1)).await?;
    let mut next_cursor = String::new();
    if requests.len() > limit {
        requests.truncate(limit);
        next_cursor = requests.last().map(|last| contact.pages.seal(me, query, last.id.as_bytes())).unwrap_or_default();
    }
    let now = contact.clock.now();
    Ok(ListRequestsReply { items: requests.iter().map(|request| request.view(now)).collect(), next_cursor })
}
