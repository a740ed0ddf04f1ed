//! What of the log somebody may read, in a form that can be asked a million times.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use anser_contract::v1::VisibleRange;

use super::short;

/// Which seqs of which conversations.
#[derive(Clone, Default)]
pub struct Readable {
    conversations: HashMap<u64, Conversation, BuildHasherDefault<RandomBits>>,
}

#[derive(Clone, Default)]
struct Conversation {
    id: Vec<u8>,
    /// Both ends included.
    ranges: Vec<(u64, u64)>,
}

impl Readable {
    /// All of these, or those in one conversation.
    pub fn new(ranges: &[VisibleRange], only: Option<&[u8]>) -> Self {
        let mut readable = Self::default();
        for range in ranges.iter().filter(|range| only.is_none_or(|only| range.conversation_id == only)) {
            let conversation = readable.conversations.entry(short(&range.conversation_id)).or_default();
            conversation.id.clone_from(&range.conversation_id);
            let until = if range.to_seq == 0 { u64::MAX } else { range.to_seq.unsigned_abs() };
            conversation.ranges.push((range.from_seq.unsigned_abs(), until));
        }
        readable
    }

    /// Whether this entry is among them.
    pub fn allows(&self, conversation: u64, seq: u64) -> bool {
        let ranges = self.conversations.get(&conversation).map(|conversation| &conversation.ranges);
        ranges.is_some_and(|ranges| ranges.iter().any(|&(from, until)| from <= seq && seq <= until))
    }

    /// The whole id of a conversation.
    pub fn id(&self, conversation: u64) -> Option<&[u8]> {
        self.conversations.get(&conversation).map(|conversation| &conversation.id[..])
    }

    /// Every conversation.
    pub fn conversations(&self) -> impl Iterator<Item = u64> {
        self.conversations.keys().copied()
    }

    /// How many conversations.
    pub fn len(&self) -> usize {
        self.conversations.len()
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }
}

/// The keys are random already.
#[derive(Default)]
struct RandomBits(u64);

impl Hasher for RandomBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 << 8) | u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The highest bits of an id say which variant it is, and tables look at the highest first.
        self.0 = number.rotate_left(8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_and_came_back_reads_both_times_and_not_between() {
        let range = |from_seq, to_seq| VisibleRange { conversation_id: vec![7; 16], from_seq, to_seq };
        let other = VisibleRange { conversation_id: vec![8; 16], from_seq: 1, to_seq: 0 };
        let readable = Readable::new(&[range(1, 10), range(20, 0), other.clone()], None);
        let room = short(&[7; 16]);
        let seen = |seq| readable.allows(room, seq);
        assert!(seen(1) && seen(10) && !seen(11) && !seen(19) && seen(20) && seen(1_000_000));
        assert!(!readable.allows(short(&[9; 16]), 1));
        let one = Readable::new(&[range(1, 10), other], Some(&[8; 16]));
        assert!(!one.allows(room, 1) && one.allows(short(&[8; 16]), 1) && one.len() == 1);
    }
}
