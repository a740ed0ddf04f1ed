//! Notes when people were last online, as messaging saw them: many in one transaction, and never back in time.

use anser_contract::{
    Context,
    v1::{NoteSeenReply, NoteSeenRequest, Seen},
};
use anser_types::{Error, Result, Timestamp, UserId};

use crate::{UserService, store};

/// What one transaction may change.
const MOST: usize = 1_000;

pub(crate) async fn note_seen(service: &UserService, ctx: &Context, request: NoteSeenRequest) -> Result<NoteSeenReply> {
    ctx.require_service()?;
    if request.items.len() > MOST {
        return Err(Error::field("items", format!("at most {MOST} at once")));
    }
    let seen = |item: &Seen| Ok((UserId::try_from(&item.user_id[..])?, item.at));
    let items = request.items.iter().map(seen).collect::<Result<Vec<(UserId, Timestamp)>>>()?;
    service.db.write(move |tx| items.iter().try_for_each(|&(user, at)| store::note_seen(tx, user, at))).await?;
    Ok(NoteSeenReply {})
}
