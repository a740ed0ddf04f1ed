//! Moving one's read cursor: forward only, never beyond what one may see, durable before the answer.

use anser_contract::{
    Context,
    v1::{MoveReadCursorRequest, ReadMoved},
};
use anser_types::{Action, ConversationId, Error, Result, authorise, plant::planted};

use super::store;
use crate::{
    Messaging,
    effects::Effect,
    membership::{self, View},
};

/// Moves the caller's cursor to `read_seq`, or leaves it where it is if that is not forward.
pub async fn move_read_cursor(room: &Messaging, ctx: &Context, request: MoveReadCursorRequest) -> Result<ReadMoved> {
    let user = ctx.user()?;
    let conversation = ConversationId::try_from(&request.conversation_id[..])?;
    if request.read_seq < 0 {
        return Err(Error::field("read_seq", "must not be negative"));
    }
    let strangers = room.options.strangers;
    let (fanout, log) = (room.fanout.clone(), room.log.clone());
    room.db
        .write(move |tx| {
            let standing = membership::standing(tx, conversation, user, strangers)?;
            authorise(Action::MoveReadCursor, standing).map_err(membership::hide)?;
            let snapshot = log.at(tx)?;
            let view = View::of(&snapshot, conversation, user)?;
            let (old, _) = store::cursor(&snapshot, conversation, user)?;
            let before = old.max(view.joined_seq());
            let mut read_seq = request.read_seq.min(view.head_seq()).max(before);
            if planted("cursor_set_back") {
                read_seq = request.read_seq;
            }
            let unread = view.unread(&snapshot, conversation, read_seq)?;
            if read_seq > before || (read_seq < before && planted("cursor_set_back")) {
                let moved_position = snapshot.last_position();
                store::set_cursor(tx, conversation, user, read_seq, moved_position)?;
                fanout.publish_after(tx, Effect::Read { user, conversation, read_seq, unread });
            }
            Ok(ReadMoved { conversation_id: conversation.to_vec(), read_seq, unread })
        })
        .await
}
