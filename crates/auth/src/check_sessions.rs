//! Which of these sessions have ended: for a gateway that was away.

use anser_contract::{
    Context,
    v1::{CheckSessionsReply, CheckSessionsRequest},
};
use anser_types::{Error, Result, SessionId};

use crate::{AuthService, store};

const MOST: usize = 1_000;

pub(crate) async fn check_sessions(
    auth: &AuthService,
    ctx: &Context,
    request: CheckSessionsRequest,
) -> Result<CheckSessionsReply> {
    ctx.require_service()?;
    if request.session_ids.len() > MOST {
        return Err(Error::field("session_ids", format!("at most {MOST} at once")));
    }
    let ids = request.session_ids.iter().map(|id| SessionId::try_from(&id[..])).collect::<Result<Vec<_>>>()?;
    let now = auth.clock.now();

    let ended = auth
        .db
        .read(move |reader| {
            let mut ended = Vec::new();
            for id in ids {
                // One that is not there ended so long ago that it was forgotten.
                let is_open = store::session_by_id(reader, id)?.is_some_and(|session| session.is_open(now));
                if !is_open {
                    ended.push(id.to_vec());
                }
            }
            Ok(ended)
        })
        .await?;
    Ok(CheckSessionsReply { ended })
}
