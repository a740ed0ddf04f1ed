//! The caller's profile, if it changed since a version.

use anser_contract::{
    Context,
    v1::{SyncProfileReply, SyncProfileRequest},
};
use anser_types::Result;

use crate::{UserService, get_me::get_me};

pub(crate) async fn sync_profile(
    service: &UserService,
    ctx: &Context,
    request: SyncProfileRequest,
) -> Result<SyncProfileReply> {
    let me = get_me(service, ctx).await?;
    let version = me.version;
    // A version that was never given is from another store: then everything is news.
    let is_news = version != request.since;
    Ok(SyncProfileReply { me: is_news.then_some(me), version })
}
