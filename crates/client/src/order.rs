//! The client's rule about order: what to do with an entry that arrives.

use std::collections::HashMap;

use anser_types::ConversationId;

/// Where an arriving entry stands against what is already here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the next one: apply it.
    Next,
    /// It is here already: drop it.
    Known,
    /// Something is missing: sync the conversation after this seq.
    Gap {
        /// The last seq that is here.
        after_seq: i64,
    },
}

/// The last seq of each conversation that a client holds.
#[derive(Clone, Debug, Default)]
pub struct Order {
    last: HashMap<ConversationId, i64>,
}

impl Order {
    /// Nothing is here yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last seq that is here; 0 for none.
    pub fn last(&self, conversation: ConversationId) -> i64 {
        self.last.get(&conversation).copied().unwrap_or(0)
    }

    /// Judges an entry and, if it is the next one, counts it as here.
    pub fn place(&mut self, conversation: ConversationId, seq: i64) -> Place {
        let last = self.last.entry(conversation).or_insert(0);
        if seq <= *last {
            Place::Known
        } else if seq == *last + 1 {
            *last = seq;
            Place::Next
        } else {
            Place::Gap { after_seq: *last }
        }
    }

    /// Everything up to `seq` is here (after a sync, or where the visible part begins later).
    pub fn advance(&mut self, conversation: ConversationId, seq: i64) {
        let last = self.last.entry(conversation).or_insert(0);
        *last = (*last).max(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_known_gap() {
        let (mut order, conversation) = (Order::new(), ConversationId([1; 16]));
        assert_eq!(order.place(conversation, 1), Place::Next);
        assert_eq!(order.place(conversation, 1), Place::Known);
        assert_eq!(order.place(conversation, 4), Place::Gap { after_seq: 1 });
        order.advance(conversation, 4);
        assert_eq!(order.place(conversation, 5), Place::Next);
        assert_eq!(order.last(conversation), 5);
    }
}
