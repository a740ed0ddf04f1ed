//! Sessions that ended at or after a time: for a gateway that was away.

use anser_contract::{
    Context,
    v1::{EndedSinceReply, EndedSinceRequest},
};
use anser_types::{Result, SessionId};

use crate::{AuthService, store};

/// More than fits an answer only where a gateway was away for very long; it rechecks its open sessions besides.
const MOST: i64 = 100_000;

pub(crate) async fn ended_since(
    auth: &AuthService,
    ctx: &Context,
    request: EndedSinceRequest,
) -> Result<EndedSinceReply> {
    ctx.require_service()?;
    let ended = auth.db.read(move |reader| store::ended_since(reader, request.since_at, MOST)).await?;
    Ok(EndedSinceReply { session_ids: ended.into_iter().map(SessionId::to_vec).collect() })
}
