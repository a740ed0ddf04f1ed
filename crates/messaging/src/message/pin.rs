//! Pinned messages: at hand for everybody in the conversation.

use anser_contract::{
    Context,
    v1::{Changed, ListPinsReply, ListPinsRequest, Pinned, SetPinRequest, Unpinned, content::Kind},
};
use anser_types::{Action, Code, ConversationId, Error, Result, authorise};

use super::{store, target::Asked};
use crate::{
    Messaging,
    membership::{self, View},
    notice::Notices,
};

/// How many messages of one conversation may be pinned.
const PINS: i64 = 50;

/// Pins a message, or takes the pin off. What is so already leaves no entry.
pub async fn set_pin(room: &Messaging, ctx: &Context, request: SetPinRequest) -> Result<Changed> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let target = asked.find(tx, notices.now)?;
            authorise(Action::Pin, target.standing).map_err(membership::hide)?;
            let entry = target.standing_words()?.stored.entry;
            let (conversation, seq) = (asked.conversation, asked.seq);
            let (moved, what) = if request.remove {
                (store::delete_pin(tx, conversation, seq)?, Kind::Unpinned(Unpinned { target_seq: seq }))
            } else {
                let new = store::insert_pin(tx, conversation, seq, user, notices.now)?;
                if new && store::count_pins(tx, conversation)? > PINS {
                    return Err(Error::new(Code::LimitExceeded, format!("{PINS} pinned messages at most")));
                }
                (new, Kind::Pinned(Pinned { target_seq: seq }))
            };
            let version = i64::from(entry.version);
            let change_seq = if moved { notices.change(tx, conversation, user, what, entry)? } else { 0 };
            Ok(Changed { conversation_id: conversation.to_vec(), seq, version, change_seq })
        })
        .await
}

/// The pinned messages that the caller may see, the newest pin first.
pub async fn list_pins(room: &Messaging, ctx: &Context, request: ListPinsRequest) -> Result<ListPinsReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = ConversationId::try_from(&request.conversation_id[..])?;
    room.read(move |log| {
        membership::may_read(log, conversation, user, strangers)?;
        let view = View::of(log, conversation, user)?;
        let mut items = store::pins(log, conversation)?;
        items.retain(|pin| view.shows(pin.seq));
        for pin in &mut items {
            let found = log.entries(conversation, pin.seq, pin.seq, 1, usize::MAX)?.pop();
            pin.entry = found.map(|stored| stored.entry).filter(|entry| !entry.is_expired());
        }
        items.retain(|pin| pin.entry.is_some());
        Ok(ListPinsReply { items })
    })
    .await
}
