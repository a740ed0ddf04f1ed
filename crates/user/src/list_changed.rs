//! Whose profile changed, for the service that tells friends.

use anser_contract::{
    Context,
    v1::{ListChangedReply, ListChangedRequest},
};
use anser_types::Result;

use crate::{UserService, store};

const MOST: u32 = 100;

pub(crate) async fn list_changed(
    service: &UserService,
    ctx: &Context,
    request: ListChangedRequest,
) -> Result<ListChangedReply> {
    ctx.require_service()?;
    let limit = i64::from(request.limit.clamp(1, MOST));
    let items = service.db.read(move |reader| store::changed_after(reader, request.after_no, limit)).await?;
    Ok(ListChangedReply { items })
}
