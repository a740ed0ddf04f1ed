//! Not coming into a group that one was asked into. Nobody is told.

use anser_contract::{
    Context,
    v1::{AnswerInvitationRequest, DeclineInvitationReply},
};
use anser_types::Result;

use super::{accept_invitation::may_answer, conversation_id, once::once, store};
use crate::Messaging;

/// Declines an invitation.
pub async fn decline_invitation(
    room: &Messaging,
    ctx: &Context,
    request: AnswerInvitationRequest,
) -> Result<DeclineInvitationReply> {
    let guest = ctx.user()?;
    let conversation = conversation_id(&request.conversation_id)?;
    let once = once(room, guest, "decline_invitation", &request.idempotency_key, &[conversation.as_bytes()])?;
    let now = room.clock.now();
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                may_answer(tx, conversation, guest)?;
                store::delete_invitation(tx, conversation, guest)?;
                Ok(Vec::new())
            })
        })
        .await?;
    Ok(DeclineInvitationReply {})
}
