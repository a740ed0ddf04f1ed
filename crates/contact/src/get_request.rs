//! One friend request, for either of its two people.

use anser_contract::{
    Context,
    v1::{AnswerRequest, FriendRequest},
};
use anser_engine::Reader;
use anser_types::{Action, Error, FriendRequestId, Result, Standing, UserId, authorise};

use crate::{
    ContactService,
    store::{self, Request},
};

pub(crate) async fn get_request(
    contact: &ContactService,
    ctx: &Context,
    request: AnswerRequest,
) -> Result<FriendRequest> {
    let me = ctx.user()?;
    let id = request_id(&request)?;
    let found = contact.db.read(move |reader| permitted(reader, id, me, Action::ReadFriendRequest)).await?;
    Ok(found.view(contact.clock.now()))
}

pub(crate) fn request_id(request: &AnswerRequest) -> Result<FriendRequestId> {
    FriendRequestId::try_from(&request.request_id[..]).map_err(|error| Error::field("request_id", error.detail))
}

/// The request, if `user` may do this to it. Who may not learns nothing, not even that it exists.
pub(crate) fn permitted(reader: &Reader<'_>, id: FriendRequestId, user: UserId, action: Action) -> Result<Request> {
    let hidden = || Error::not_found("friend request");
    let request = store::request(reader, id)?.ok_or_else(hidden)?;
    let standing = match user {
        user if user == request.to => Standing::Own,
        user if user == request.from => Standing::Author,
        _ => Standing::Outsider,
    };
    authorise(action, standing).map_err(|_| hidden())?;
    Ok(request)
}

/// The request as it stands now, as the answer to a call that changed it.
pub(crate) async fn answer(contact: &ContactService, id: FriendRequestId) -> Result<FriendRequest> {
    let request = contact.db.read(move |reader| store::request(reader, id)).await?;
    Ok(request.ok_or_else(|| Error::not_found("friend request"))?.view(contact.clock.now()))
}
