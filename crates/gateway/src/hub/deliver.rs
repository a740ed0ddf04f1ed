//! Handing out: what messaging and the other services tell, into the queues of those it is for.

use std::{collections::HashMap, sync::Arc};

use anser_contract::v1::{ConversationJoined, Entry, Event, Hint, Outcome, OwnEntry, ReadMoved, event, reply};
use anser_types::{ConversationId, UserId};

use super::{Hub, Inner};
use crate::{
    frames::{About, Block},
    receipts::PEOPLE,
    ws::socket::{Desk, Socket},
};

/// A block has at most so many entries and about so many bytes, so that windows can be kept.
const BLOCK_ENTRIES: usize = 64;
const BLOCK_BYTES: usize = 32 << 10;

/// The gateway's name for a send: its socket and the client's id of the request.
pub(crate) fn tag(socket: u32, request: u32) -> u64 {
    u64::from(socket) << 32 | u64::from(request)
}

pub(crate) fn untag(tag: u64) -> (u32, u32) {
    ((tag >> 32) as u32, tag as u32)
}

impl Hub {
    /// Gives the outcomes of sends to the sockets that sent them.
    pub(crate) fn outcomes(&self, outcomes: Vec<Outcome>, desk: &Desk<'_>) {
        let inner = self.inner.read();
        for outcome in outcomes {
            let (number, id) = untag(outcome.tag);
            let Some(socket) = inner.sockets.get(&number) else { continue };
            let answer = match (outcome.ack, outcome.error) {
                (Some(ack), _) => reply::Outcome::Send(ack),
                (None, Some(error)) => reply::Outcome::Error(*error),
                (None, None) => continue,
            };
            socket.answer(id, answer, desk);
        }
    }

    /// Puts hints into the queues of those they are for. `through`: afterwards everything up to there stands in them.
    pub(crate) fn hints(&self, hints: Vec<Hint>, through: Option<i64>, desk: &Desk<'_>) {
        let inner = self.inner.read();
        let low_water = self.position();
        for hint in hints {
            Delivery { inner: &inner, low_water, desk }.hint(hint);
        }
        if let Some(through) = through {
            // Still under the lock: who comes in next comes in behind these hints.
            self.advance(through);
        }
    }

    /// Puts an event of another service into the queues of `user`.
    pub(crate) fn tell(&self, user: UserId, block: Block, desk: &Desk<'_>) {
        let inner = self.inner.read();
        let block = Arc::new(block);
        let low_water = self.position();
        for socket in inner.people.get(&user).iter().flat_map(|person| &person.sockets) {
            socket.push(&block, low_water, desk);
        }
    }
}

struct Delivery<'a> {
    inner: &'a Inner,
    low_water: i64,
    desk: &'a Desk<'a>,
}

impl Delivery<'_> {
    fn hint(&self, hint: Hint) {
        let Ok(conversation) = ConversationId::try_from(&hint.conversation_id[..]) else { return };
        if let Some(read) = hint.read {
            let moved =
                ReadMoved { conversation_id: hint.conversation_id, read_seq: read.read_seq, unread: read.unread };
            let about = About::Read { conversation, seq: read.read_seq };
            let block = Block::one(event::Event::Read(moved), about);
            self.to_users(&[read.user_id], &[Arc::new(block)]);
        } else if let Some(typing) = hint.typing {
            let block = Block::one(event::Event::Typing(*typing), About::Ephemeral);
            self.to_users(&hint.user_ids, &[Arc::new(block)]);
        } else if let Some(delivered) = hint.delivered {
            let block = Block::one(event::Event::Delivered(*delivered), About::Ephemeral);
            self.to_users(&hint.user_ids, &[Arc::new(block)]);
        } else if hint.joined {
            let joined = ConversationJoined { conversation_id: hint.conversation_id, earliest_seq: hint.earliest_seq };
            let block = Block::one(event::Event::ConversationJoined(joined), About::Other);
            self.to_users(&hint.user_ids, &[Arc::new(block)]);
        } else if let Some(invitation) = hint.invitation {
            let block = Block::one(event::Event::Invitation(invitation), About::Other);
            self.to_users(&hint.user_ids, &[Arc::new(block)]);
        } else if !hint.entries.is_empty() {
            self.entries(conversation, hint);
        }
    }

    fn entries(&self, conversation: ConversationId, hint: Hint) {
        let receipts = hint.user_ids.len() <= PEOPLE;
        let mut own: HashMap<u32, Vec<i64>> = HashMap::new();
        for origin in &hint.origins {
            own.entry(untag(origin.tag).0).or_default().push(origin.seq);
        }
        // What the senders' own sockets get has to be made while the entries are still at hand.
        let own_blocks: HashMap<u32, Vec<Arc<Block>>> = own
            .into_iter()
            .filter_map(|(number, seqs)| {
                let sender = self.inner.sockets.get(&number)?.user;
                let events = hint.entries.iter().map(|entry| own_or_full(entry, sender, &seqs, &hint.targets));
                Some((number, blocks(conversation, receipts, events)))
            })
            .collect();
        let shared = blocks(conversation, receipts, hint.entries.into_iter().map(|entry| told(entry, &hint.targets)));
        for socket in self.sockets(&hint.user_ids) {
            let blocks = own_blocks.get(&socket.number).unwrap_or(&shared);
            for block in blocks {
                socket.push(block, self.low_water, self.desk);
            }
        }
    }

    fn to_users(&self, users: &[Vec<u8>], blocks: &[Arc<Block>]) {
        for socket in self.sockets(users) {
            for block in blocks {
                socket.push(block, self.low_water, self.desk);
            }
        }
    }

    /// The sockets of those among `users` whose hints come in the stream.
    fn sockets<'u>(&self, users: &'u [Vec<u8>]) -> impl Iterator<Item = &Arc<Socket>> + use<'_, 'u> {
        let person = |user: &Vec<u8>| self.inner.people.get(&UserId::try_from(&user[..]).ok()?);
        users.iter().filter_map(person).filter(|person| person.attached).flat_map(|person| &person.sockets)
    }
}

/// The sending connection knows what it sent: it gets the entry's place only. The sender is compared too, so that a
/// name of another process's socket can never hide an entry.
fn own_or_full(entry: &Entry, sender: UserId, own_seqs: &[i64], targets: &[Entry]) -> Event {
    if own_seqs.contains(&entry.seq) && entry.sender_id == sender.as_bytes() {
        event::Event::OwnEntry(OwnEntry {
            conversation_id: entry.conversation_id.clone(),
            seq: entry.seq,
            client_msg_id: entry.client_msg_id.clone(),
        })
        .into()
    } else {
        told(entry.clone(), targets)
    }
}

/// An entry as an event: with what it changed, where that is among `targets`.
pub(crate) fn told(entry: Entry, targets: &[Entry]) -> Event {
    let changed =
        |seq: i64| targets.iter().find(|target| target.seq == seq && target.conversation_id == entry.conversation_id);
    let target = entry.target_seq().and_then(changed).cloned().map(Box::new);
    Event { event: Some(event::Event::Entry(entry)), target }
}

/// Entries of one conversation as blocks of moderate size, of which it is noted who has got them, or is not.
pub(crate) fn blocks(
    conversation: ConversationId,
    receipts: bool,
    entries: impl Iterator<Item = Event>,
) -> Vec<Arc<Block>> {
    let mut blocks = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    let (mut bytes, mut first, mut last) = (0, 0, 0);
    let mut close = |events: &mut Vec<Event>, first, last| {
        if !events.is_empty() {
            let about = About::Entries { conversation, first, last };
            blocks.push(Arc::new(Block::new(std::mem::take(events), about).with_receipts(receipts)));
        }
    };
    for event in entries {
        let seq = match &event.event {
            Some(event::Event::Entry(entry)) => entry.seq,
            Some(event::Event::OwnEntry(entry)) => entry.seq,
            _ => continue,
        };
        let size = Block::size_of(&event);
        if events.len() >= BLOCK_ENTRIES || bytes + size > BLOCK_BYTES {
            close(&mut events, first, last);
            bytes = 0;
        }
        if events.is_empty() {
            first = seq;
        }
        last = seq;
        bytes += size;
        events.push(event);
    }
    close(&mut events, first, last);
    blocks
}
