//! When people were last online, of those who let their friends see it. Who their friends are, contact knows.

use anser_contract::{
    Context,
    v1::{ListSeenReply, ListSeenRequest, Seen},
};
use anser_types::{Error, Result, UserId};

use crate::{UserService, store};

pub(crate) async fn list_seen(service: &UserService, ctx: &Context, request: ListSeenRequest) -> Result<ListSeenReply> {
    ctx.require_service()?;
    let most = service.options.profiles_a_call;
    if request.user_ids.len() > most {
        return Err(Error::field("user_ids", format!("at most {most} at once")));
    }
    let ids = request.user_ids.iter().map(|id| UserId::try_from(&id[..])).collect::<Result<Vec<_>>>()?;
    let seen = service
        .db
        .read(move |reader| {
            let seen = |&user: &UserId| Ok(store::seen_by_friends(reader, user)?.map(|at| (user, at)));
            ids.iter().map(seen).collect::<Result<Vec<_>>>()
        })
        .await?;
    let items = seen.into_iter().flatten().map(|(user, at)| Seen { user_id: user.to_vec(), at }).collect();
    Ok(ListSeenReply { items })
}
