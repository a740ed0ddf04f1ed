//! The pushes on their way: how many and how large they are, and which messages a client has once it acknowledges them.

use std::collections::VecDeque;

use anser_types::ConversationId;

/// What was pushed and is not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// In the order in which they went out; what a push carries stands before it.
    parts: VecDeque<Part>,
    pushes: usize,
    bytes: usize,
    /// The number of the last push.
    pushed: u64,
}

#[derive(Debug)]
enum Part {
    /// The next push has this conversation's messages up to here, and it is noted who has got them.
    Carries(ConversationId, i64),
    /// A push with so many bytes of events.
    Push(u32),
}

impl Flight {
    /// How many pushes are not acknowledged.
    pub fn pushes(&self) -> usize {
        self.pushes
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the last push; they are counted from 1.
    pub fn last(&self) -> u64 {
        self.pushed
    }

    /// The next push carries this conversation's messages up to `seq`.
    pub fn carry(&mut self, conversation: ConversationId, seq: i64) {
        match self.parts.back_mut() {
            Some(Part::Carries(last, known)) if *last == conversation => *known = seq,
            _ => self.parts.push_back(Part::Carries(conversation, seq)),
        }
    }

    /// A push with so many bytes of events goes out. Answers its number.
    pub fn push(&mut self, bytes: usize) -> u64 {
        self.parts.push_back(Part::Push(bytes as u32));
        self.pushes += 1;
        self.bytes += bytes;
        self.pushed += 1;
        self.pushed
    }

    /// The client has taken pushes up to `push_no`. Answers the messages that it has with them; none if that was known.
    pub fn acked(&mut self, push_no: u64) -> Option<Vec<(ConversationId, i64)>> {
        let oldest = self.pushed + 1 - self.pushes as u64;
        let taken = push_no.saturating_add(1).saturating_sub(oldest).min(self.pushes as u64) as usize;
        let left = self.pushes - taken;
        let mut carried = Vec::new();
        while self.pushes > left {
            match self.parts.pop_front() {
                Some(Part::Carries(conversation, seq)) => carried.push((conversation, seq)),
                Some(Part::Push(bytes)) => {
                    self.pushes -= 1;
                    self.bytes -= bytes as usize;
                }
                None => break,
            }
        }
        (taken > 0).then_some(carried)
    }

    /// Gives back memory that is not used.
    pub fn shrink(&mut self) {
        if self.parts.is_empty() {
            self.parts = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId([1; 16]);
    const OTHER: ConversationId = ConversationId([2; 16]);

    fn pushed(sizes: &[usize]) -> Flight {
        let mut flight = Flight::default();
        for bytes in sizes {
            flight.push(*bytes);
        }
        flight
    }

    #[test]
    fn acks_count_up_and_strange_ones_do_no_harm() {
        let mut flight = pushed(&[1, 1, 10, 20, 30]);
        flight.acked(2);
        assert_eq!(flight.acked(2), None, "acked long ago");
        assert_eq!((flight.pushes(), flight.bytes()), (3, 60));
        flight.acked(4);
        assert_eq!((flight.pushes(), flight.bytes()), (1, 30));
        flight.acked(u64::MAX);
        assert_eq!((flight.pushes(), flight.bytes(), flight.last()), (0, 0, 5));
        assert_eq!(flight.acked(u64::MAX), None);
        assert_eq!(flight.push(7), 6);
    }

    #[test]
    fn an_ack_says_which_messages_have_come() {
        let mut flight = Flight::default();
        flight.carry(ROOM, 1);
        flight.carry(ROOM, 2);
        flight.carry(OTHER, 7);
        flight.push(10);
        flight.push(10);
        flight.carry(ROOM, 3);
        flight.push(10);
        assert_eq!(flight.acked(2), Some(vec![(ROOM, 2), (OTHER, 7)]));
        assert_eq!(flight.acked(3), Some(vec![(ROOM, 3)]));
    }
}
