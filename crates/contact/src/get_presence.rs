//! Who is online, and when they last were, for those who may see it. Who may not cannot tell why: strangers, those who
//! block and those who let nobody see it are left out like people who do not exist.

use std::collections::{HashMap, HashSet};

use anser_contract::{
    Context,
    v1::{GetPresenceReply, GetPresenceRequest, ListOnlineRequest, ListSeenRequest, Presence},
};
use anser_engine::Reader;
use anser_types::{Action, Error, Result, Standing, Timestamp, UserId, authorise};

use crate::{ContactService, pair::Pair, store};

/// How many people one call may ask for.
const MOST: usize = 200;

pub(crate) async fn get_presence(
    contact: &ContactService,
    ctx: &Context,
    request: GetPresenceRequest,
) -> Result<GetPresenceReply> {
    let me = ctx.user()?;
    if request.user_ids.len() > MOST {
        return Err(Error::field("user_ids", format!("at most {MOST} at once")));
    }
    let asked: HashSet<UserId> = request
        .user_ids
        .iter()
        .map(|id| UserId::try_from(&id[..]))
        .collect::<Result<_>>()
        .map_err(|error| Error::field("user_ids", error.detail))?;
    let friends = contact.db.read(move |reader| friends_among(reader, me, asked)).await?;
    if friends.is_empty() {
        return Ok(GetPresenceReply::default());
    }
    let service = Context { actor: anser_contract::Actor::Service, ..ctx.clone() };
    let user_ids: Vec<Vec<u8>> = friends.iter().map(|friend| friend.to_vec()).collect();
    let seen = contact.users.list_seen(&service, ListSeenRequest { user_ids: user_ids.clone() }).await?.items;
    let shown: HashMap<Vec<u8>, Timestamp> = seen.into_iter().map(|seen| (seen.user_id, seen.at)).collect();
    let standing = |user: &Vec<u8>| if shown.contains_key(user) { Standing::Friend } else { Standing::Person };
    let user_ids: Vec<Vec<u8>> =
        user_ids.into_iter().filter(|user| authorise(Action::SeePresence, standing(user)).is_ok()).collect();
    if user_ids.is_empty() {
        return Ok(GetPresenceReply::default());
    }
    let mut items = contact.conversations.list_online(&service, ListOnlineRequest { user_ids }).await?.items;
    for Presence { user_id, online, last_seen_at } in &mut items {
        let noted = shown.get(user_id).copied().unwrap_or_default();
        *last_seen_at = if *online { 0 } else { noted.max(*last_seen_at) };
    }
    Ok(GetPresenceReply { items })
}

/// Who among some people is a friend of somebody while neither blocks the other.
fn friends_among(reader: &Reader<'_>, me: UserId, people: HashSet<UserId>) -> Result<Vec<UserId>> {
    let mut friends = Vec::new();
    for other in people {
        let relation = store::relation(reader, Pair::of(me, other))?;
        if relation.is_some_and(|relation| relation.friends && !relation.blocked()) {
            friends.push(other);
        }
    }
    Ok(friends)
}
