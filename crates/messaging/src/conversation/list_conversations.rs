//! The conversation list: what its person put on top, then newest first, in pages; what they hid is left out until
//! something new is in it.
//!
//! What orders it is the position of the last entry that the caller may see: one seek into the extents for each
//! conversation. Only the page's own conversations are looked at more closely.

use std::collections::HashMap;

use anser_contract::{
    Context,
    v1::{Conversation, ListConversationsReply, ListConversationsRequest},
};
use anser_types::{ConversationId, Error, Result, Timestamp, UserId};

use super::{change_settings::is_hidden, describe::describe, page, store::settings};
use crate::{
    Messaging,
    log::Snapshot,
    membership::{self, Stay},
};

const QUERY: &str = "conversations";

/// A page of the caller's conversations. The cursor means "older than this one", so a conversation that moves to the
/// top between two pages is missing from the later ones and disturbs nothing else.
pub async fn list_conversations(
    room: &Messaging,
    ctx: &Context,
    request: ListConversationsRequest,
) -> Result<ListConversationsReply> {
    let user = ctx.user()?;
    let size = page::size(request.limit);
    let below = match request.cursor.as_str() {
        "" => None,
        cursor => Some(Place::parse(&room.pages.open(user, QUERY, cursor)?)?),
    };
    let (strangers, now) = (room.options.strangers, room.clock.now());
    let (items, next) = room.read(move |log| list(log, user, below, size, (strangers, now))).await?;
    let next_cursor = next.map(|place| room.pages.seal(user, QUERY, &place.to_bytes())).unwrap_or_default();
    Ok(ListConversationsReply { items, next_cursor })
}

fn list(
    log: &Snapshot<'_>,
    user: UserId,
    below: Option<Place>,
    size: usize,
    (strangers, now): (bool, Timestamp),
) -> Result<(Vec<Conversation>, Option<Place>)> {
    let settings = settings::settings(log, user)?;
    let settings: HashMap<_, _> = settings.into_iter().map(|setting| (setting.conversation, setting)).collect();
    let mut places = Vec::new();
    for (conversation, stays) in membership::conversations_of(log, user)? {
        let (head_seq, position) = last_entry(log, conversation, &stays)?;
        let setting = settings.get(&conversation);
        if setting.is_some_and(|setting| is_hidden(setting, head_seq)) {
            continue;
        }
        let pinned = setting.is_some_and(|setting| setting.pinned_at > 0);
        let place = Place { pinned, position, conversation };
        if below.is_none_or(|below| place < below) {
            places.push(place);
        }
    }
    places.sort_unstable_by(|one, other| other.cmp(one));
    let next = page::cut(&mut places, size);
    let items = places.iter().map(|place| describe(log, place.conversation, user, strangers, now));
    Ok((items.collect::<Result<_>>()?, next))
}

/// Seq and position of the last entry that these stays show.
fn last_entry(log: &Snapshot<'_>, conversation: ConversationId, stays: &[Stay]) -> Result<(i64, i64)> {
    let last_seq = stays.last().and_then(|stay| stay.to_seq).unwrap_or(i64::MAX);
    let extent = log.extent_of(conversation, last_seq)?;
    Ok(extent.map_or((0, 0), |extent| {
        let seq = last_seq.min(extent.last_seq());
        (seq, extent.position_of(seq))
    }))
}

/// Where a conversation stands in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    pinned: bool,
    position: i64,
    conversation: ConversationId,
}

impl Place {
    fn to_bytes(self) -> Vec<u8> {
        [&[u8::from(self.pinned)], &self.position.to_be_bytes()[..], &self.conversation.0].concat()
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let wrong = || Error::field("cursor", "not a cursor of this list");
        let (&[pinned], bytes) = bytes.split_first_chunk().ok_or_else(wrong)?;
        let (position, conversation) = bytes.split_first_chunk().ok_or_else(wrong)?;
        let conversation = ConversationId::try_from(conversation).map_err(|_| wrong())?;
        Ok(Self { pinned: pinned == 1, position: i64::from_be_bytes(*position), conversation })
    }
}
