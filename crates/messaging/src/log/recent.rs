//! The newest part of the index, in memory: which extents, and which of their senders' messages, stand after what the
//! tables name.
//!
//! Writing an index row with each commit costs a page of the file for each conversation that it touches. So the rows of
//! the newest entries are kept here and go into the tables later, many at once and in the tables' own order
//! ([`super::index`]).
//!
//! What is here never has to agree with the disk, because everything in it has a position and the journal is dense:
//! whoever looks says how far *their* journal goes, and sees nothing beyond. What a lost transaction left behind lies
//! beyond every journal until its positions are given again, and is dropped then.

use std::collections::{HashMap, VecDeque};

use anser_types::{ConversationId, UserId, plant::planted};

use super::Extent;

/// Someone's own message: its seq and position.
pub type Own = (i64, i64);

/// The memory.
#[derive(Default)]
pub struct Recent {
    conversations: HashMap<ConversationId, Tail>,
    /// All extents in the order of the journal: their last positions, and whose they are.
    order: VecDeque<(i64, ConversationId)>,
    /// What lies here or before is gone from memory: it must be looked up in the tables.
    gone: i64,
    /// Rows of the tables that were added and not yet taken note of.
    added: usize,
}

/// The newest extents of a conversation, in order.
#[derive(Default)]
pub struct Tail {
    /// Its extents.
    pub extents: VecDeque<Extent>,
    /// For each sender the last message in each extent that has one of theirs.
    pub own: Vec<(UserId, VecDeque<Own>)>,
}

impl Recent {
    /// A memory that begins after position `gone`, with room for `extents`.
    pub fn after(gone: i64, extents: usize) -> Self {
        Self { gone, order: VecDeque::with_capacity(extents), ..Self::default() }
    }

    /// Adds the journal's newest extent with its senders' last messages. What stood at its positions or beyond is of a
    /// lost transaction.
    pub fn put(&mut self, conversation: ConversationId, extent: Extent, own: &[(UserId, Own)]) {
        self.cut(extent.first_position);
        self.added += 1 + own.len();
        self.order.push_back((extent.last_position(), conversation));
        let tail = self.conversations.entry(conversation).or_default();
        if planted("seq_reused") && tail.extents.back().is_some_and(|last| last.first_seq == extent.first_seq) {
            tail.extents.pop_back();
        }
        tail.extents.push_back(extent);
        tail.own.reserve_exact(own.len().saturating_sub(tail.own.len()));
        for &(user, message) in own {
            match tail.own.iter_mut().find(|(known, _)| *known == user) {
                Some((_, messages)) => messages.push_back(message),
                None => tail.own.push((user, VecDeque::from([message]))),
            }
        }
    }

    /// Drops everything from position `from` on.
    fn cut(&mut self, from: i64) {
        while let Some((_, conversation)) = self.order.pop_back_if(|(last, _)| *last >= from) {
            self.trim(conversation, |tail| {
                tail.extents.pop_back();
                tail.own.iter_mut().for_each(|(_, own)| while own.pop_back_if(|own| own.1 >= from).is_some() {});
            });
        }
    }

    /// Drops at most `most` extents that lie at `through` or before; they stand in the tables.
    pub fn forget(&mut self, through: i64, most: usize) {
        for _ in 0..most {
            let Some((last, conversation)) = self.order.pop_front_if(|(last, _)| *last <= through) else { return };
            self.gone = last;
            self.trim(conversation, |tail| {
                tail.extents.pop_front();
                tail.own.iter_mut().for_each(|(_, own)| while own.pop_front_if(|own| own.1 <= last).is_some() {});
            });
        }
    }

    fn trim(&mut self, conversation: ConversationId, work: impl FnOnce(&mut Tail)) {
        if let Some(tail) = self.conversations.get_mut(&conversation) {
            work(tail);
            tail.own.retain(|(_, own)| !own.is_empty());
            if tail.extents.is_empty() {
                self.conversations.remove(&conversation);
            }
        }
    }

    /// How many rows of the tables were added since the last time.
    pub fn take_added(&mut self) -> usize {
        std::mem::take(&mut self.added)
    }

    /// What lies here or before is only in the tables.
    pub fn gone(&self) -> i64 {
        self.gone
    }

    /// The extent that holds `seq`, or the last one before it, as long as it is no older than what is here. `end`: how
    /// far the caller's journal goes.
    pub fn extent_of(&self, conversation: ConversationId, seq: i64, end: i64) -> Option<Extent> {
        let extents = &self.conversations.get(&conversation)?.extents;
        let beyond = extents.partition_point(|extent| extent.first_seq <= seq && extent.last_position() <= end);
        beyond.checked_sub(1).and_then(|index| extents.get(index)).copied()
    }

    /// The extents with entries in `from..=to`.
    pub fn extents(&self, conversation: ConversationId, from: i64, to: i64, end: i64) -> Vec<Extent> {
        let Some(tail) = self.conversations.get(&conversation) else { return Vec::new() };
        let first = tail.extents.partition_point(|extent| extent.last_seq() < from);
        let reaches = |extent: &&Extent| extent.first_seq <= to && extent.last_position() <= end;
        tail.extents.range(first..).take_while(reaches).copied().collect()
    }

    /// The last message that `user` sent to `conversation`.
    pub fn last_own(&self, conversation: ConversationId, user: UserId, end: i64) -> Option<Own> {
        let tail = self.conversations.get(&conversation)?;
        let (_, own) = tail.own.iter().find(|(known, _)| *known == user)?;
        let beyond = own.partition_point(|own| own.1 <= end);
        beyond.checked_sub(1).and_then(|index| own.get(index)).copied()
    }

    /// Everything, by conversation.
    pub fn tails(&self) -> impl Iterator<Item = (ConversationId, &Tail)> {
        self.conversations.iter().map(|(conversation, tail)| (*conversation, tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ConversationId = ConversationId([1; 16]);
    const THERE: ConversationId = ConversationId([2; 16]);
    const ALICE: UserId = UserId([3; 16]);

    fn extent(first_seq: i64, first_position: i64, entries: i64) -> Extent {
        Extent { first_seq, first_position, entries, countable: first_seq + entries - 1, last_at: first_position }
    }

    /// Positions: here 11–13 (1–3), there 14 (1), here 15–16 (4–5).
    fn recent() -> Recent {
        let mut recent = Recent::after(10, 0);
        recent.put(HERE, extent(1, 11, 3), &[(ALICE, (2, 12))]);
        recent.put(THERE, extent(1, 14, 1), &[]);
        recent.put(HERE, extent(4, 15, 2), &[(ALICE, (5, 16))]);
        recent
    }

    #[test]
    fn nobody_sees_beyond_their_journal() {
        let recent = recent();
        let seen = |seq, end| recent.extent_of(HERE, seq, end).map(|extent| extent.first_seq);
        assert_eq!((seen(i64::MAX, 16), seen(i64::MAX, 14), seen(i64::MAX, 10)), (Some(4), Some(1), None));
        assert_eq!((seen(5, 16), seen(4, 16), seen(3, 16)), (Some(4), Some(4), Some(1)));
        assert_eq!(recent.extents(HERE, 2, 4, 16).len(), 2);
        assert_eq!(recent.extents(HERE, 4, 9, 16), [extent(4, 15, 2)]);
        assert_eq!(recent.extents(HERE, 2, 9, 14), [extent(1, 11, 3)]);
        assert_eq!(recent.last_own(HERE, ALICE, 16), Some((5, 16)));
        assert_eq!(recent.last_own(HERE, ALICE, 15), Some((2, 12)));
        assert_eq!(recent.last_own(THERE, ALICE, 16), None);
    }

    #[test]
    fn what_a_lost_transaction_left_gives_way() {
        let mut recent = recent();
        recent.put(THERE, extent(2, 15, 1), &[]);
        assert_eq!(recent.extent_of(HERE, 9, 99), Some(extent(1, 11, 3)));
        assert_eq!(recent.extent_of(THERE, 9, 99), Some(extent(2, 15, 1)));
        assert_eq!(recent.last_own(HERE, ALICE, 99), Some((2, 12)));
    }

    #[test]
    fn what_is_in_the_tables_goes() {
        let mut recent = recent();
        recent.forget(14, 1);
        assert_eq!((recent.gone(), recent.extent_of(HERE, 3, 16)), (13, None));
        assert_eq!(recent.extent_of(HERE, 5, 16), Some(extent(4, 15, 2)));
        assert_eq!(recent.last_own(HERE, ALICE, 15), None);
        recent.forget(14, 9);
        assert_eq!((recent.gone(), recent.tails().count()), (14, 1));
    }
}
