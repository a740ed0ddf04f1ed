//! Says no to a friend request. Who asked is told.

use anser_contract::{
    Context,
    v1::{AnswerRequest, FriendRequest},
};
use anser_types::{Action, Result};

use crate::{
    ContactService,
    accept_request::over,
    get_request::{self, permitted, request_id},
    store::{self, Request, State},
    tell,
};

pub(crate) async fn reject_request(
    contact: &ContactService,
    ctx: &Context,
    request: AnswerRequest,
) -> Result<FriendRequest> {
    let me = ctx.user()?;
    let id = request_id(&request)?;
    let once = contact.fingerprints.once(me, "reject_request", request.idempotency_key, &[id.as_bytes()]);
    let now = contact.clock.now();

    contact
        .db
        .write(move |tx| {
            let request = permitted(tx, id, me, Action::AnswerFriendRequest)?;
            tx.once(&once, now, |tx| {
                match request.state_at(now) {
                    State::Rejected => {}
                    State::Pending => {
                        let rejected = Request { state: State::Rejected, ..request.clone() };
                        tell::request_changed(tx, &rejected, store::update_request, now)?;
                    }
                    State::Accepting | State::Accepted | State::Expired => return Err(over()),
                }
                Ok(id.to_vec())
            })
        })
        .await?;
    get_request::answer(contact, id).await
}
