//! Says yes to a friend request: the two are friends, and their conversation is open.

use anser_contract::{
    Context,
    v1::{AnswerRequest, FriendRequest},
};
use anser_types::{Action, Code, Error, Result};

use crate::{
    ContactService,
    befriend::befriend,
    get_request::{self, permitted, request_id},
    relation,
    store::{self, State},
};

pub(crate) async fn accept_request(
    contact: &ContactService,
    ctx: &Context,
    request: AnswerRequest,
) -> Result<FriendRequest> {
    let me = ctx.user()?;
    let id = request_id(&request)?;
    let once = contact.fingerprints.once(me, "accept_request", request.idempotency_key, &[id.as_bytes()]);
    let most_friends = contact.options.friends_a_user;
    let now = contact.clock.now();

    let decided = contact
        .db
        .write(move |tx| {
            let request = permitted(tx, id, me, Action::AnswerFriendRequest)?;
            tx.once(&once, now, |tx| {
                match request.state_at(now) {
                    State::Accepting | State::Accepted => {}
                    State::Pending => {
                        relation::ensure_settled(store::relation(tx, request.pair())?.as_ref())?;
                        befriend(tx, &request, most_friends, now)?;
                    }
                    State::Rejected | State::Expired => return Err(over()),
                }
                Ok(id.to_vec())
            })?;
            relation::unsettled(tx, request.pair())
        })
        .await?;
    if let Some(decided) = decided {
        relation::apply(contact, ctx, decided).await?;
    }
    get_request::answer(contact, id).await
}

pub(crate) fn over() -> Error {
    Error::new(Code::Gone, "this request was answered already, or nobody answered it in time")
}
