//! Who among some people is online. Who goes on asking wants to know whether they may; that is contact's.

use anser_contract::{
    Context,
    v1::{ListOnlineReply, ListOnlineRequest, Presence},
};
use anser_types::{Error, Result, UserId};

use crate::Messaging;

/// How many people one call may ask for.
const MOST: usize = 200;

/// `unavailable` where the fan-out has more important things to do.
pub async fn list_online(room: &Messaging, ctx: &Context, request: ListOnlineRequest) -> Result<ListOnlineReply> {
    ctx.require_service()?;
    if request.user_ids.len() > MOST {
        return Err(Error::field("user_ids", format!("at most {MOST} at once")));
    }
    let users = request.user_ids.iter().map(|id| UserId::try_from(&id[..])).collect::<Result<Vec<_>>>()?;
    let online = room.fanout.who_is_online(users.clone()).await?;
    let presence = |(user, online): (UserId, bool)| {
        let last_seen_at = if online { 0 } else { room.seen.get(user).unwrap_or_default() };
        Presence { user_id: user.to_vec(), online, last_seen_at }
    };
    Ok(ListOnlineReply { items: users.into_iter().zip(online).map(presence).collect() })
}
