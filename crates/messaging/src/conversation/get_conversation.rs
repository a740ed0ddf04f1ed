//! One conversation, as the caller sees it.

use anser_contract::{
    Context,
    v1::{Conversation, GetConversationRequest},
};
use anser_types::{Action, Result};

use super::{allow, conversation_id, describe::describe};
use crate::{Messaging, membership::standing};

/// One conversation, as the caller sees it.
pub async fn get_conversation(
    room: &Messaging,
    ctx: &Context,
    request: GetConversationRequest,
) -> Result<Conversation> {
    let user = ctx.user()?;
    let conversation = conversation_id(&request.conversation_id)?;
    let (strangers, now) = (room.options.strangers, room.clock.now());
    room.read(move |log| {
        allow(Action::ReadConversation, standing(log, conversation, user, strangers)?)?;
        describe(log, conversation, user, strangers, now)
    })
    .await
}
