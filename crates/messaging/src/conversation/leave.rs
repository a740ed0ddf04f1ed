//! Leaving a group. The entry that tells of it is the last one sees.

use anser_contract::{
    Context,
    v1::{LeaveReply, LeaveRequest, Left, content::Kind},
};
use anser_engine::Tx;
use anser_types::{Action, ConversationId, Result, UserId, plant::planted};

use super::{allow, conversation_id, once::once, store};
use crate::{Messaging, membership::standing, notice::Notices};

/// Leaves a group. The owner cannot, unless it is closed; nor can anybody leave a direct conversation.
pub async fn leave(room: &Messaging, ctx: &Context, request: LeaveRequest) -> Result<LeaveReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let once = once(room, user, "leave", &request.idempotency_key, &[conversation.as_bytes()])?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::Leave, standing(tx, conversation, user, strangers)?)?;
                let left = Kind::Left(Left { user_id: user.to_vec() });
                go_out(tx, conversation, user, user, left, &notices)?;
                Ok(Vec::new())
            })
        })
        .await?;
    Ok(LeaveReply {})
}

/// Ends the stay of `user`, a member of a group, with the entry `what` by `actor`.
pub fn go_out(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    actor: UserId,
    what: Kind,
    notices: &Notices,
) -> Result<()> {
    if planted("leave_forgotten") {
        return Ok(());
    }
    let seq = notices.let_go(tx, conversation, actor, vec![what], user)?;
    store::end_stay(tx, conversation, user, seq)?;
    store::change_member_count(tx, conversation, -1)?;
    store::change_groups_joined(tx, user, -1)
}
