//! What waits to be written on one connection, in which order, and how much of it may be: windows, bounds, replays.
//!
//! A plain data structure under the socket's lock ([`super::socket`]); [`super::writer`] takes from it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use anser_contract::v1::{Reply, Welcome, reply::Outcome};
use anser_types::{ConversationId, Error};

use super::{close::Close, flight::Flight, socket::Desk};
use crate::{
    frames::{About, Block, Encoding},
    options::GatewayOptions,
    resume::MeVersions,
};

/// How many pings may come at once after a pause.
const PINGS_AT_ONCE: u64 = 100;
/// How many calls of one connection run at a time.
const OPEN_CALLS: usize = 8;
/// How many answers may wait for a peer that takes no bytes.
const UNTAKEN_ANSWERS: usize = 16;

/// What waits to be written, and the windows that say how much may be.
#[derive(Default)]
pub(super) struct Outbox {
    /// Wakes the task; none while it runs or was woken.
    pub waker: Option<Waker>,
    /// Since when the peer takes no bytes: meanwhile new frames change nothing.
    pub blocked_at: Option<u64>,
    /// The pacer will wake the task.
    pub gathered: bool,
    /// Frames that stand outside the push window, in order. They go before events.
    pub controls: VecDeque<Control>,
    pub events: VecDeque<Queued>,
    pub queued_events: usize,
    pub queued_bytes: usize,
    pub flight: Flight,
    /// Events wait because the window does not let them through.
    pub stalled: bool,
    /// Requests that are not answered.
    pub open: Vec<Open>,
    /// Events are held back until the replay stands before them.
    pub holding: bool,
    /// Events were lost while they were held.
    pub lost: bool,
    /// Up to here nothing comes from the stream, because it was replayed or is from before the connection.
    pub floor: i64,
    replayed: Option<Box<Replayed>>,
    pub me: MeVersions,
    /// Since when the client is behind, by the gateway's clock; cleared by any ack.
    pub overflowed_at: Option<u64>,
    /// When the peer was last heard.
    pub heard_at: u64,
    pub pinged: bool,
    /// When the client's pings will be forgotten, by the gateway's clock.
    pings_forgotten_at: u64,
    /// Whether the task reads; while it does not, the peer's silence means nothing.
    pub reading: bool,
    /// Why the connection ends, and since when; boxed, because few do.
    pub close: Option<Box<(Close, u64)>>,
}

/// A frame outside the push window.
#[derive(Debug)]
pub(crate) enum Control {
    /// The first frame.
    Welcome(Box<Welcome>),
    /// An answer.
    Reply(Reply),
    /// The answer to `ping`; its resume point is found when it is written.
    Pong,
    /// Entries were left out.
    SyncRequired(&'static str),
    /// Come back later, elsewhere or here.
    Reconnect(u32),
    /// A ping of RFC 6455.
    WirePing,
    /// Its answer.
    WirePong(Vec<u8>),
}

/// An event that waits.
pub(super) struct Queued {
    pub block: Arc<Block>,
    /// The resume position that holds once everything before this was written.
    pub low_water: i64,
}

pub(super) struct Open {
    pub id: u32,
    pub expires_at: u64,
    /// Whether it went to messaging over the link.
    pub send: bool,
}

/// What a resuming connection was given again: nothing of it may come a second time.
struct Replayed {
    through: i64,
    last: HashMap<ConversationId, i64>,
    read: HashMap<ConversationId, i64>,
}

/// What a returning connection missed.
pub(super) struct Replay {
    /// The position its client had.
    pub after: i64,
    /// The position up to which this is complete.
    pub through: i64,
    pub blocks: Vec<Arc<Block>>,
}

impl Outbox {
    /// An outbox that holds what comes until it is released.
    pub fn new(now_ms: u64) -> Self {
        Self { holding: true, reading: true, heard_at: now_ms, ..Self::default() }
    }

    /// What of `block` the connection has not had yet.
    pub fn unseen(&mut self, block: &Arc<Block>, low_water: i64) -> Option<Arc<Block>> {
        let Some(replayed) = &self.replayed else { return Some(block.clone()) };
        if low_water >= replayed.through {
            self.replayed = None;
            return Some(block.clone());
        }
        replayed.unseen(block)
    }

    pub fn queue(&mut self, queued: Queued) {
        self.queued_events += queued.block.count();
        self.queued_bytes += queued.block.size();
        self.events.push_back(queued);
    }

    /// Takes the first event off the queue.
    pub fn dequeue(&mut self) -> Option<Queued> {
        let queued = self.events.pop_front()?;
        self.queued_events = self.queued_events.saturating_sub(queued.block.count());
        self.queued_bytes = self.queued_bytes.saturating_sub(queued.block.size());
        Some(queued)
    }

    /// Whether more waits than a client that is behind may have waiting, or than anybody may.
    fn over(&self, options: &GatewayOptions) -> bool {
        let times_over = |times: usize| {
            self.queued_events > times * options.queued_events || self.queued_bytes > times * options.queued_bytes
        };
        let behind = self.holding || self.stalled || self.blocked_at.is_some();
        times_over(if behind { 1 } else { 8 })
    }

    /// Whether the client is so far behind, or so new, that it gets nothing that can be left out.
    pub fn sheds(&self, options: &GatewayOptions) -> bool {
        let half_full = self.queued_events * 2 > options.queued_events || self.queued_bytes * 2 > options.queued_bytes;
        self.holding || self.stalled || self.blocked_at.is_some() || half_full
    }

    /// How many bytes of events the client's acks leave room for. One push may always be on its way.
    pub fn window(&self, options: &GatewayOptions) -> usize {
        let bytes = options.limits.unacked_push_bytes as usize;
        match self.flight.pushes() {
            0 => usize::MAX,
            pushes if pushes >= options.limits.unacked_pushes as usize => 0,
            _ => bytes.saturating_sub(self.flight.bytes()),
        }
    }

    /// Keeps only the latest of each conversation's read cursors.
    fn fold_reads(&mut self) {
        let mut latest = HashMap::new();
        for (index, queued) in self.events.iter().enumerate() {
            if let About::Read { conversation, .. } = queued.block.about() {
                latest.insert(conversation, index);
            }
        }
        let mut index = 0;
        self.events.retain(|queued| {
            let keep = match queued.block.about() {
                About::Read { conversation, .. } => latest.get(&conversation) == Some(&index),
                _ => true,
            };
            index += 1;
            keep
        });
        self.queued_events = self.events.iter().map(|queued| queued.block.count()).sum();
        self.queued_bytes = self.events.iter().map(|queued| queued.block.size()).sum();
    }

    /// Notes whether the window lets the next event through; what waits for acks is bounded more narrowly.
    pub fn stall(&mut self, encoding: Encoding, desk: &Desk<'_>) {
        let window = self.window(desk.options);
        self.stalled = self.events.front().is_some_and(|next| next.block.bytes(encoding).len() > window);
        if self.stalled {
            self.bound(desk);
        }
    }

    /// The slow-consumer rule: where too much waits, read cursors are folded, and then all is left out.
    pub fn bound(&mut self, desk: &Desk<'_>) {
        if self.over(desk.options) {
            self.fold_reads();
        }
        if self.over(desk.options) {
            self.leave_out("the connection was too slow");
            self.overflowed_at.get_or_insert(desk.now_ms);
            desk.meters.sync_required.increment(1);
        }
    }

    /// Replaces what is queued by one `sync_required`. Versions about the user are forgotten with the events.
    pub fn leave_out(&mut self, reason: &'static str) {
        self.lost |= self.holding;
        for queued in &self.events {
            match queued.block.about() {
                About::Contacts(_) => self.me.contacts = None,
                About::Settings(_) => self.me.settings = None,
                About::Profile(_) => self.me.profile = None,
                _ => {}
            }
        }
        self.events.clear();
        self.queued_events = 0;
        self.queued_bytes = 0;
        if !self.controls.iter().any(|control| matches!(control, Control::SyncRequired(_))) {
            self.controls.push_back(Control::SyncRequired(reason));
        }
    }

    /// Puts what was missed before what came meanwhile, and drops what is in both.
    pub fn replay(&mut self, replay: Replay) {
        let mut replayed = Replayed { through: replay.through, last: HashMap::new(), read: HashMap::new() };
        for block in &replay.blocks {
            match block.about() {
                About::Entries { conversation, last, .. } => drop(replayed.last.insert(conversation, last)),
                About::Read { conversation, seq } => drop(replayed.read.insert(conversation, seq)),
                _ => {}
            }
        }
        let held = std::mem::take(&mut self.events);
        (self.queued_events, self.queued_bytes) = (0, 0);
        for block in replay.blocks {
            // A replay has its own bound, so it does not count against the queue's.
            self.events.push_back(Queued { block, low_water: replay.after });
        }
        for queued in held {
            if let Some(block) = replayed.unseen(&queued.block) {
                self.queue(Queued { block, low_water: queued.low_water.max(replay.through) });
            }
        }
        self.floor = self.floor.max(replay.through);
        self.replayed = Some(Box::new(replayed));
    }

    /// The resume position that holds when everything written so far has arrived. `position` was read before the lock.
    pub fn low_water(&self, position: i64) -> i64 {
        self.events.front().map_or(position.max(self.floor), |next| next.low_water)
    }

    /// Takes a request in.
    pub fn begin(&mut self, id: u32, expires_at: u64, send: bool) {
        self.open.push(Open { id, expires_at, send });
    }

    /// Whether so much is open, or answered and not taken, that no more may be read. Calls may have large answers, so
    /// there may be fewer of them.
    pub fn full(&self, options: &GatewayOptions) -> bool {
        let calls = || self.open.iter().filter(|open| !open.send).count();
        self.open.len() >= options.limits.open_requests as usize
            || calls() >= OPEN_CALLS
            || (self.blocked_at.is_some() && self.controls.len() >= UNTAKEN_ANSWERS)
    }

    pub fn settle(&mut self, id: u32) -> bool {
        let place = self.open.iter().position(|open| open.id == id);
        place.map(|place| self.open.swap_remove(place)).is_some()
    }

    /// Answers an open request with an error.
    pub fn refuse(&mut self, id: u32, error: &Error) {
        if self.settle(id) {
            self.controls.push_back(Control::Reply(Reply { id, outcome: Some(Outcome::Error(error.into())) }));
        }
    }

    /// The client has taken pushes up to `push_no`. Answers the messages that it has with them.
    pub fn acked(&mut self, push_no: u64) -> Vec<(ConversationId, i64)> {
        let Some(carried) = self.flight.acked(push_no) else { return Vec::new() };
        self.overflowed_at = None;
        self.stalled = false;
        carried
    }

    /// The peer was heard.
    pub fn heard(&mut self, now_ms: u64) {
        self.heard_at = now_ms;
        self.pinged = false;
    }

    /// Counts a ping of the client's. `false`: too many of them came, by the same rule as in [`anser_types::limiter`].
    pub fn pinged_in_peace(&mut self, now_ms: u64, per_second: u32) -> bool {
        let each = 1_000 / u64::from(per_second.max(1));
        self.pings_forgotten_at = self.pings_forgotten_at.max(now_ms) + each;
        self.pings_forgotten_at - now_ms <= PINGS_AT_ONCE * each
    }

    /// The task reads, or does not. The clocks for silence and slowness begin anew when it reads again.
    pub fn set_reading(&mut self, reading: bool, now_ms: u64) {
        if reading && !self.reading {
            self.heard(now_ms);
            if let Some(at) = &mut self.overflowed_at {
                *at = now_ms;
            }
        }
        self.reading = reading;
    }

    /// The peer takes no more bytes.
    pub fn block(&mut self, now_ms: u64, waker: &Waker) {
        self.blocked_at.get_or_insert(now_ms);
        self.park(waker);
    }

    /// The peer took bytes.
    pub fn unblock(&mut self) {
        self.blocked_at = None;
    }

    /// From now on changes wake the task.
    pub fn park(&mut self, waker: &Waker) {
        match &self.waker {
            Some(parked) if parked.will_wake(waker) => {}
            _ => self.waker = Some(waker.clone()),
        }
    }

    pub fn shrink(&mut self) {
        fn release<T>(queue: &mut VecDeque<T>) {
            if queue.is_empty() && queue.capacity() > 0 {
                *queue = VecDeque::new();
            }
        }
        release(&mut self.controls);
        release(&mut self.events);
        self.flight.shrink();
        if self.open.is_empty() && self.open.capacity() > 0 {
            self.open = Vec::new();
        }
    }
}

impl Replayed {
    pub fn unseen(&self, block: &Arc<Block>) -> Option<Arc<Block>> {
        let seen = |seen: &HashMap<ConversationId, i64>, conversation| seen.get(&conversation).copied().unwrap_or(0);
        match block.about() {
            About::Entries { conversation, first, last } => match seen(&self.last, conversation) {
                seen if last <= seen => None,
                seen if first <= seen => block.after(seen).map(Arc::new),
                _ => Some(block.clone()),
            },
            // A cursor that was replayed never goes back.
            About::Read { conversation, seq } if seq <= seen(&self.read, conversation) => None,
            _ => Some(block.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
