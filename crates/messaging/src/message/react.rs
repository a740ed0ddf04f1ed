//! Reactions: each person's own rows; what readers see are counts, told at most once a second ([`super::tell_reactions`]).

use anser_contract::{
    Context,
    v1::{Changed, ListReactionsReply, ListReactionsRequest, SetReactionRequest},
};
use anser_types::{Action, Code, Error, Result, UserId, authorise, plant::planted_every};

use super::{store, target::Asked};
use crate::{Messaging, conversation::page, membership, notice::Notices};

/// The longest reaction, in bytes: an emoji of many parts.
const EMOJI_BYTES: usize = 64;
/// How many different reactions one message may have.
const KINDS: i64 = 32;

/// Adds or takes back the caller's reaction. What is so already changes nothing. The counts follow within a second.
pub async fn set_reaction(room: &Messaging, ctx: &Context, request: SetReactionRequest) -> Result<Changed> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let emoji = request.emoji;
    check_emoji(&emoji)?;
    room.admit(user)?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let target = asked.find(tx, notices.now)?;
            authorise(Action::React, target.standing).map_err(membership::hide)?;
            let target = target.standing_words()?;
            let (conversation, seq) = (asked.conversation, asked.seq);
            let moved = if request.remove {
                store::delete_reaction(tx, conversation, seq, &emoji, user)?
            } else {
                let new = store::insert_reaction(tx, conversation, seq, &emoji, user, notices.now)?;
                if new && store::count_reaction_kinds(tx, conversation, seq)? > KINDS {
                    return Err(Error::new(Code::LimitExceeded, format!("{KINDS} different reactions at most")));
                }
                new
            };
            if moved && !planted_every("reaction_forgotten", 2) {
                store::note_untold(tx, conversation, seq, user)?;
            }
            let version = i64::from(target.stored.entry.version);
            Ok(Changed { conversation_id: conversation.to_vec(), seq, version, change_seq: 0 })
        })
        .await
}

/// Any short text in one piece; which of them are emoji changes every year.
pub fn check_emoji(emoji: &str) -> Result<()> {
    let odd = |character: char| character.is_control() || character.is_whitespace();
    if emoji.is_empty() || emoji.len() > EMOJI_BYTES || emoji.chars().any(odd) {
        return Err(Error::field("emoji", format!("1 to {EMOJI_BYTES} bytes without spaces")));
    }
    Ok(())
}

/// Who reacted, with one emoji or with any, in the order of their ids.
pub async fn list_reactions(
    room: &Messaging,
    ctx: &Context,
    request: ListReactionsRequest,
) -> Result<ListReactionsReply> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let size = page::size(request.limit);
    let query = format!("reactions to {}-{}", asked.conversation, asked.seq);
    let after = match request.cursor.as_str() {
        "" => (UserId([0; 16]), Vec::new()),
        cursor => {
            let bytes = room.pages.open(user, &query, cursor)?;
            let (id, emoji) = bytes.split_at_checked(16).ok_or_else(|| Error::field("cursor", "not of this list"))?;
            (UserId::try_from(id)?, emoji.to_vec())
        }
    };
    let now = room.clock.now();
    let mut items = room
        .db
        .read(move |reader| {
            asked.find(reader, now)?;
            let emoji = Some(request.emoji.as_str()).filter(|emoji| !emoji.is_empty());
            store::reactions(reader, asked.conversation, asked.seq, emoji, (after.0.as_bytes(), &after.1), size + 1)
        })
        .await?;
    let last = page::cut(&mut items, size);
    let next_cursor = last.map(|last| {
        let place = [&last.user_id[..], last.emoji.as_bytes()].concat();
        room.pages.seal(user, &query, &place)
    });
    Ok(ListReactionsReply { items, next_cursor: next_cursor.unwrap_or_default() })
}
