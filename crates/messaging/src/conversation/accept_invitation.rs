//! Coming into a group that one was asked into.

use anser_contract::{
    Context,
    v1::{AnswerInvitationRequest, Conversation},
};
use anser_engine::Reader;
use anser_types::{Action, ConversationId, Error, Result, Standing, UserId, authorise};

use super::{conversation_id, describe::describe, guests, once::once, store};
use crate::{Messaging, notice::Notices};

/// Accepts an invitation. Into a group that one is in by now it changes nothing.
pub async fn accept_invitation(
    room: &Messaging,
    ctx: &Context,
    request: AnswerInvitationRequest,
) -> Result<Conversation> {
    let guest = ctx.user()?;
    let options = room.options.clone();
    let conversation = conversation_id(&request.conversation_id)?;
    let once = once(room, guest, "accept_invitation", &request.idempotency_key, &[conversation.as_bytes()])?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                may_answer(tx, conversation, guest)?;
                if store::member(tx, conversation, guest)?.is_none() {
                    guests::join(tx, conversation, guest, guest, &notices, &options)?;
                }
                store::delete_invitation(tx, conversation, guest)?;
                Ok(Vec::new())
            })?;
            describe(&notices.log.at(tx)?, conversation, guest, options.strangers, notices.now)
        })
        .await
}

/// An invitation is its guest's own; for everybody else there is none.
pub fn may_answer(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<()> {
    let invited = store::is_invited(reader, conversation, user)?;
    let standing = if invited { Standing::Own } else { Standing::Outsider };
    authorise(Action::AnswerInvitation, standing).map_err(|_| Error::not_found("invitation"))
}
