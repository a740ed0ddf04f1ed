//! Heads: which of one's conversations moved since a token, newest first where there is no token.

use anser_contract::{
    Context,
    v1::{Head, HeadsReply, HeadsRequest},
};
use anser_types::{Code, ConversationId, Error, Result, UserId, plant::planted_every};

use super::store;
use crate::{
    Messaging,
    log::Snapshot,
    membership::{self, Stay, View},
};

const DEFAULT_LIMIT: u32 = 200;
const MOST: u32 = 1_000;
const QUERY: &str = "sync/heads";

/// A page of heads. The token of the last page is the position that was published before anything was read, so the
/// next call may name a conversation again but never misses one.
pub async fn heads(room: &Messaging, ctx: &Context, request: HeadsRequest) -> Result<HeadsReply> {
    let user = ctx.user()?;
    let pages = room.pages.clone();
    let store = store_name(room);
    let from = match request.token.as_str() {
        "" => Token::default(),
        text => {
            let bytes = pages.open(user, QUERY, text).map_err(|_| Error::field("token", "not a token of heads"))?;
            Token::parse(&bytes, store)?
        }
    };
    let limit = match request.limit {
        0 => DEFAULT_LIMIT,
        limit => limit.min(MOST),
    } as usize;
    let (items, next) = room.read(move |log| page(log, user, from, limit)).await?;
    let has_more = next.below > 0;
    Ok(HeadsReply { items, next_token: pages.seal(user, QUERY, &next.to_bytes(store)), has_more })
}

/// The part of the store's epoch that a token carries: positions of another store mean nothing here.
type StoreName = [u8; 6];

fn store_name(room: &Messaging) -> StoreName {
    let [a, b, c, d, e, f, ..] = room.db.epoch();
    [a, b, c, d, e, f]
}

/// Where a listing stands: it lists what moved after `since`, newest first, and has listed down to `below`
/// (position, then conversation); when it is through, the next one goes on from `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    since: i64,
    until: i64,
    below: i64,
    below_id: ConversationId,
}

impl Token {
    pub(crate) fn to_bytes(self, store: StoreName) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(46);
        for number in [self.since, self.until, self.below] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(self.below_id.as_bytes());
        bytes.extend_from_slice(&store);
        bytes
    }

    pub(crate) fn parse(bytes: &[u8], store: StoreName) -> Result<Self> {
        let wrong = || Error::field("token", "not a token of heads");
        let (bytes, named) = bytes.split_at_checked(40).ok_or_else(wrong)?;
        if named != store {
            return Err(Error::new(Code::SyncRequired, "a token of another store: ask again without one"));
        }
        let number = |at: usize| -> Result<i64> {
            let part = bytes.get(at..at + 8).ok_or_else(wrong)?;
            Ok(i64::from_be_bytes(part.try_into().map_err(|_| wrong())?))
        };
        let below_id = ConversationId::try_from(bytes.get(24..).ok_or_else(wrong)?).map_err(|_| wrong())?;
        Ok(Self { since: number(0)?, until: number(8)?, below: number(16)?, below_id })
    }
}

fn page(log: &Snapshot<'_>, user: UserId, token: Token, limit: usize) -> Result<(Vec<Head>, Token)> {
    let until = if token.below > 0 { token.until } else { log.last_position() };
    let mut moved: Vec<(i64, ConversationId, Vec<Stay>)> = Vec::new();
    for (conversation, stays) in membership::conversations_of(log, user)? {
        let (entry, cursor) = moved_positions(log, conversation, user, &stays)?;
        let position = entry.max(cursor);
        // A cursor moves without a position of its own, so there the token's position itself counts as after it.
        let moved_since = entry > token.since || (cursor >= token.since && cursor > 0);
        let listed = token.below > 0 && (position, conversation) >= (token.below, token.below_id);
        if moved_since && !listed {
            moved.push((position, conversation, stays));
        }
    }
    moved.sort_unstable_by_key(|&(position, conversation, _)| std::cmp::Reverse((position, conversation)));
    let more = moved.len() > limit;
    moved.truncate(limit);
    let next = match moved.last() {
        Some(&(below, below_id, _)) if more => Token { since: token.since, until, below, below_id },
        _ => Token { since: until, until, below: 0, below_id: ConversationId::default() },
    };
    let mut deleted = membership::all_deleted(log, user)?;
    let items = moved.into_iter().map(|(_, conversation, stays)| {
        head(log, conversation, user, stays, deleted.remove(&conversation).unwrap_or_default())
    });
    Ok((items.collect::<Result<_>>()?, next))
}

/// When this conversation last moved for `user`: its last visible entry, and their cursor.
fn moved_positions(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    user: UserId,
    stays: &[Stay],
) -> Result<(i64, i64)> {
    let entry = match stays.last().and_then(|stay| stay.to_seq) {
        None => log.head(conversation)?.position,
        Some(seq) => log.entry_at(conversation, seq)?.map_or(0, |stored| stored.position),
    };
    let (_, moved) = store::cursor(log, conversation, user)?;
    Ok((entry, moved))
}

fn head(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    user: UserId,
    stays: Vec<Stay>,
    deleted: Vec<(i64, i64)>,
) -> Result<Head> {
    let view = View::new(stays, log.head(conversation)?.seq).without(deleted);
    let (read, _) = store::cursor(log, conversation, user)?;
    let stale = if view.head_seq() > 3 && planted_every("stale_read", 10) { 2 } else { 0 };
    let head_seq = view.head_seq() - stale;
    Ok(Head {
        conversation_id: conversation.to_vec(),
        head_seq,
        earliest_seq: view.earliest_seq(),
        read_seq: read.max(view.joined_seq()),
        unread: view.unread(log, conversation, read)? + i64::from(planted_every("unread_wrong", 10)),
        mentions: view.mentions(log, conversation, user, read)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_foreign_bytes_are_refused() {
        let token = Token { since: 5, until: 9, below: 7, below_id: ConversationId([3; 16]) };
        assert_eq!(Token::parse(&token.to_bytes([1; 6]), [1; 6]), Ok(token));
        assert!(Token::parse(b"short", [1; 6]).is_err());
        let foreign = Token::parse(&token.to_bytes([1; 6]), [2; 6]);
        assert_eq!(foreign.map_err(|error| error.code), Err(Code::SyncRequired));
    }
}
