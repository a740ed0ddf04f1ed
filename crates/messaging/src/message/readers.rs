//! Who has read a message: everybody's one read cursor says so, and nothing is stored for each message. How many have it
//! on a device is told where few people are in the conversation.

use anser_contract::{
    Context,
    v1::{ListReadersReply, ListReadersRequest},
};
use anser_types::{Action, ConversationId, Result, UserId, authorise};

use super::{delivered, store, target::Asked};
use crate::{Messaging, conversation::page, log::Snapshot, membership};

/// Those who have read up to a message (or, if asked so, who have not), its sender left out, with the whole count.
pub async fn list_readers(room: &Messaging, ctx: &Context, request: ListReadersRequest) -> Result<ListReadersReply> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let size = page::size(request.limit);
    let query = format!("readers of {}-{} {}", asked.conversation, asked.seq, request.unread);
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(UserId::try_from(&room.pages.open(user, &query, cursor)?[..])?),
    };
    let now = room.clock.now();
    let (mut found, counts) = room
        .read(move |log| {
            let target = asked.find(log, now)?;
            authorise(Action::ReadReceipts, target.standing).map_err(membership::hide)?;
            let sender = UserId::try_from(&target.stored.entry.sender_id[..])?;
            count(log, asked.conversation, asked.seq, sender, (after, size, request.unread))
        })
        .await?;
    let next_cursor = page::cut(&mut found, size).map(|last| room.pages.seal(user, &query, last.as_bytes()));
    let user_ids = found.into_iter().map(UserId::to_vec).collect();
    let Counts { read_by, delivered_to, members } = counts;
    Ok(ListReadersReply { user_ids, next_cursor: next_cursor.unwrap_or_default(), read_by, members, delivered_to })
}

/// How many people a message is for, and how far it has come among them.
#[derive(Default)]
struct Counts {
    read_by: u32,
    delivered_to: u32,
    members: u32,
}

fn count(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    seq: i64,
    sender: UserId,
    (after, size, unread): (Option<UserId>, usize, bool),
) -> Result<(Vec<UserId>, Counts)> {
    let (mut page, mut counts) = (Vec::new(), Counts::default());
    let people = store::members_who_see(log, conversation, seq)?;
    let few = people.len() as i64 <= delivered::MEMBERS;
    for (user, joined_seq) in people {
        if user == sender {
            continue;
        }
        counts.members += 1;
        // Who came in later has everything before behind them only if they read on.
        let (read_seq, _) = store::cursor(log, conversation, user)?;
        let has_read = read_seq.max(joined_seq) >= seq;
        counts.read_by += u32::from(has_read);
        let has_it = has_read || (few && store::delivered_seq(log, conversation, user)? >= seq);
        counts.delivered_to += u32::from(few && has_it);
        if has_read != unread && page.len() <= size && after.is_none_or(|after| user > after) {
            page.push(user);
        }
    }
    Ok((page, counts))
}
