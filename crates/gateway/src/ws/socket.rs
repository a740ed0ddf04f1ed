//! The shared half of a connection: what is to be written, and what the rest of the gateway may do to it.
//!
//! The other half is the connection's one task ([`super::session`]), which alone touches the TCP stream. Everybody else
//! puts things into the [`Outbox`] and wakes the task. Locks: a socket's lock is a leaf, nothing else is locked
//! while it is held.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use anser_contract::v1::{Reply, reply::Outcome};
use anser_types::{ConversationId, Error, SessionId, UserId};
use parking_lot::Mutex;

use super::{close::Close, pacer::Pacer};
use crate::{
    frames::{About, Block, Encoding},
    options::GatewayOptions,
    resume::MeVersions,
};

/// How many calls of one connection run at a time.
const OPEN_CALLS: usize = 8;
/// How many answers may wait for a peer that takes no bytes.
const UNTAKEN_ANSWERS: usize = 16;

/// A connection that is signed in.
pub struct Socket {
    /// Its number on this gateway; never used again by this process.
    pub number: u32,
    /// Whose it is.
    pub user: UserId,
    /// The session it belongs to.
    pub session: SessionId,
    /// How its frames are written.
    pub encoding: Encoding,
    closing: AtomicBool,
    abandoned: AtomicBool,
    outbox: Mutex<Outbox>,
}

/// What waits to be written, and the windows that say how much may be.
#[derive(Default)]
pub(super) struct Outbox {
    /// Wakes the task; none while it runs or was woken.
    waker: Option<Waker>,
    /// Since when the peer takes no bytes: meanwhile new frames change nothing.
    blocked_at: Option<u64>,
    /// The pacer will wake the task.
    gathered: bool,
    /// Frames that stand outside the push window, in order. They go before events.
    pub controls: VecDeque<Control>,
    pub events: VecDeque<Queued>,
    queued_events: usize,
    queued_bytes: usize,
    /// Sizes of the pushes that are not acked; the last one has number `pushed`.
    pub in_flight: VecDeque<u32>,
    pub in_flight_bytes: usize,
    pub pushed: u64,
    /// Events wait because the window does not let them through.
    pub stalled: bool,
    /// Requests that are not answered.
    open: Vec<Open>,
    /// Events are held back until the replay stands before them.
    holding: bool,
    /// Events were lost while they were held.
    lost: bool,
    /// Up to here nothing comes from the stream, because it was replayed or is from before the connection.
    floor: i64,
    replayed: Option<Box<Replayed>>,
    pub me: MeVersions,
    /// Since when the client is behind, by the gateway's clock; cleared by any ack.
    overflowed_at: Option<u64>,
    /// When the peer was last heard.
    heard_at: u64,
    pinged: bool,
    /// Whether the task reads; while it does not, the peer's silence means nothing.
    reading: bool,
    pub close: Option<Close>,
    closed_at: Option<u64>,
}

/// A frame outside the push window.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are answers, and none lives long")]
pub(crate) enum Control {
    /// The first frame.
    Welcome(Box<anser_contract::v1::Welcome>),
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

struct Open {
    id: u32,
    expires_at: u64,
    /// Whether it went to messaging over the link.
    send: bool,
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

impl Socket {
    pub(crate) fn new(number: u32, user: UserId, session: SessionId, encoding: Encoding, now_ms: u64) -> Arc<Self> {
        let outbox = Outbox { holding: true, reading: true, heard_at: now_ms, ..Outbox::default() };
        let (closing, abandoned) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { number, user, session, encoding, closing, abandoned, outbox: Mutex::new(outbox) })
    }

    pub(super) fn outbox(&self) -> parking_lot::MutexGuard<'_, Outbox> {
        self.outbox.lock()
    }

    /// Whether the connection is over: nothing it sends acts any more.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Whether nobody is there to say goodbye to.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Queues an event. `low_water` is the position up to which everything was queued before it.
    pub fn push(self: &Arc<Self>, block: &Arc<Block>, low_water: i64, desk: &Desk<'_>) {
        let mut outbox = self.outbox.lock();
        if outbox.close.is_some() {
            return;
        }
        let Some(block) = outbox.unseen(block, low_water) else { return };
        let low_water = low_water.max(outbox.floor);
        outbox.queue(Queued { block, low_water });
        outbox.bound(desk);
        self.wake(outbox, desk);
    }

    /// Leaves everything queued out and tells the client to sync.
    pub fn require_sync(self: &Arc<Self>, reason: &'static str, desk: &Desk<'_>) {
        let mut outbox = self.outbox.lock();
        if outbox.close.is_none() {
            outbox.leave_out(reason);
            desk.meters.sync_required.increment(1);
            self.wake(outbox, desk);
        }
    }

    /// Queues frames outside the window.
    pub(crate) fn control(self: &Arc<Self>, control: Control, desk: &Desk<'_>) {
        let mut outbox = self.outbox.lock();
        outbox.controls.push_back(control);
        self.wake(outbox, desk);
    }

    /// Answers an open request; one that was answered already stays so.
    pub(crate) fn answer(self: &Arc<Self>, id: u32, outcome: Outcome, desk: &Desk<'_>) {
        let mut outbox = self.outbox.lock();
        if outbox.settle(id) {
            outbox.controls.push_back(Control::Reply(Reply { id, outcome: Some(outcome) }));
            self.wake(outbox, desk);
        }
    }

    /// Refuses each open send that `which` picks.
    pub(crate) fn refuse_sends(self: &Arc<Self>, which: impl Fn(u32) -> bool, error: &Error, desk: &Desk<'_>) {
        let mut outbox = self.outbox.lock();
        let sends = outbox.open.iter().filter(|open| open.send);
        let ids: Vec<u32> = sends.map(|open| open.id).filter(|id| which(*id)).collect();
        for &id in &ids {
            outbox.refuse(id, error);
        }
        if !ids.is_empty() {
            self.wake(outbox, desk);
        }
    }

    /// The user's profile changed by another hand: a returning client must ask.
    pub(crate) fn forget_me(&self) {
        self.outbox.lock().me = MeVersions::default();
    }

    /// The client holds everything about its user up to these versions.
    pub(super) fn knows_me(&self, me: MeVersions) {
        self.outbox.lock().me = me;
    }

    /// How many requests are open.
    pub(crate) fn open_requests(&self) -> usize {
        self.outbox.lock().open.len()
    }

    /// Ends the connection: what was answered is still written, then `close`. The first close counts.
    pub(crate) fn close(&self, close: Close, now_ms: u64) {
        let waker = {
            let mut outbox = self.outbox.lock();
            if outbox.close.is_none() {
                outbox.close = Some(close);
                outbox.closed_at = Some(now_ms);
            }
            outbox.events = VecDeque::new();
            self.closing.store(true, Ordering::Release);
            outbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Lets go what was held: the welcome first, then what was missed, then what came meanwhile. Answers whether the
    /// connection goes on without a gap.
    pub(super) fn release(
        &self,
        floor: i64,
        me: MeVersions,
        replay: Option<Replay>,
        welcome: impl FnOnce(bool) -> Box<anser_contract::v1::Welcome>,
        sync_reason: Option<&'static str>,
    ) {
        let mut outbox = self.outbox.lock();
        outbox.me = me;
        outbox.floor = floor;
        let replay = replay.filter(|_| !outbox.lost);
        let sync_reason = if outbox.lost { Some("the connection was too slow") } else { sync_reason };
        let mut controls = VecDeque::from([Control::Welcome(welcome(replay.is_some()))]);
        controls.extend(sync_reason.map(Control::SyncRequired));
        outbox.controls.retain(|control| !matches!(control, Control::SyncRequired(_)));
        controls.append(&mut outbox.controls);
        outbox.controls = controls;
        if let Some(replay) = replay {
            outbox.replay(replay);
        } else {
            for queued in &mut outbox.events {
                queued.low_water = queued.low_water.max(floor);
            }
        }
        outbox.holding = false;
        outbox.lost = false;
    }

    /// Wakes the task for what gathered.
    pub(super) fn wake_gathered(&self) {
        let waker = {
            let mut outbox = self.outbox.lock();
            outbox.gathered = false;
            let idle = outbox.controls.is_empty() && outbox.events.is_empty();
            if idle || outbox.blocked_at.is_some() { None } else { outbox.waker.take() }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes the task at once, for instance to read again.
    pub(crate) fn wake_now(&self) {
        let waker = self.outbox.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wake(self: &Arc<Self>, mut outbox: parking_lot::MutexGuard<'_, Outbox>, desk: &Desk<'_>) {
        let asleep = outbox.waker.is_some() && !outbox.gathered && !outbox.holding && outbox.blocked_at.is_none();
        if !asleep || (outbox.stalled && outbox.controls.is_empty()) {
            return;
        }
        if desk.pacer.at_once(desk.now_ms) {
            let waker = outbox.waker.take();
            drop(outbox);
            if let Some(waker) = waker {
                waker.wake();
            }
        } else {
            outbox.gathered = true;
            drop(outbox);
            desk.pacer.gather(self.clone());
        }
    }

    /// Looks at the clock: deadlines of requests, silence, slowness. Gives back memory that is no longer used.
    pub(crate) fn sweep(self: &Arc<Self>, desk: &Desk<'_>) {
        let timings = &desk.options.timings;
        let past = |since: Option<u64>, limit: Duration| {
            since.is_some_and(|since| desk.now_ms.saturating_sub(since) >= limit.as_millis() as u64)
        };
        let mut outbox = self.outbox.lock();
        outbox.shrink();
        let heard_at = outbox.reading.then_some(outbox.heard_at);
        let gone = past(outbox.closed_at, timings.close_grace);
        let dead = past(heard_at, timings.dead_after) || past(outbox.blocked_at, timings.dead_after);
        if gone || dead {
            drop(outbox);
            if dead {
                desk.meters.dead_closed.increment(1);
            }
            self.abandoned.store(true, Ordering::Release);
            return self.wake_now();
        }
        if outbox.close.is_some() {
            return;
        }
        if past(outbox.overflowed_at.filter(|_| outbox.reading), timings.slow_grace) {
            drop(outbox);
            desk.meters.slow_closed.increment(1);
            return self.close(Close::TOO_SLOW, desk.now_ms);
        }
        let late: Vec<u32> =
            outbox.open.iter().filter(|open| open.expires_at <= desk.now_ms).map(|open| open.id).collect();
        for &id in &late {
            outbox.refuse(id, &deadline_exceeded());
        }
        let ping = !outbox.pinged && past(heard_at, timings.ping_after);
        if ping {
            outbox.pinged = true;
            outbox.controls.push_back(Control::WirePing);
        }
        if ping || !late.is_empty() {
            self.wake(outbox, desk);
        }
    }
}

impl Outbox {
    /// What of `block` the connection has not had yet.
    fn unseen(&mut self, block: &Arc<Block>, low_water: i64) -> Option<Arc<Block>> {
        let Some(replayed) = &self.replayed else { return Some(block.clone()) };
        if low_water >= replayed.through {
            self.replayed = None;
            return Some(block.clone());
        }
        replayed.unseen(block)
    }

    fn queue(&mut self, queued: Queued) {
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

    /// How many bytes of events the client's acks leave room for. One push may always be on its way.
    pub fn window(&self, options: &GatewayOptions) -> usize {
        let bytes = options.limits.unacked_push_bytes as usize;
        match self.in_flight.len() {
            0 => usize::MAX,
            pushes if pushes >= options.limits.unacked_pushes as usize => 0,
            _ => bytes.saturating_sub(self.in_flight_bytes),
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
    fn bound(&mut self, desk: &Desk<'_>) {
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
    fn leave_out(&mut self, reason: &'static str) {
        self.lost |= self.holding;
        if self.events.iter().any(|queued| matches!(queued.block.about(), About::Contacts(_))) {
            self.me.contacts = None;
        }
        self.events.clear();
        self.queued_events = 0;
        self.queued_bytes = 0;
        if !self.controls.iter().any(|control| matches!(control, Control::SyncRequired(_))) {
            self.controls.push_back(Control::SyncRequired(reason));
        }
    }

    /// Puts what was missed before what came meanwhile, and drops what is in both.
    fn replay(&mut self, replay: Replay) {
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

    fn settle(&mut self, id: u32) -> bool {
        let place = self.open.iter().position(|open| open.id == id);
        place.map(|place| self.open.swap_remove(place)).is_some()
    }

    /// Answers an open request with an error.
    pub fn refuse(&mut self, id: u32, error: &Error) {
        if self.settle(id) {
            self.controls.push_back(Control::Reply(Reply { id, outcome: Some(Outcome::Error(error.into())) }));
        }
    }

    /// The client has taken pushes up to `push_no`.
    pub fn acked(&mut self, push_no: u64) {
        let oldest = self.pushed + 1 - self.in_flight.len() as u64;
        let count = (push_no + 1).saturating_sub(oldest).min(self.in_flight.len() as u64);
        if count > 0 {
            self.overflowed_at = None;
            self.stalled = false;
        }
        let bytes: usize = self.in_flight.drain(..count as usize).map(|size| size as usize).sum();
        self.in_flight_bytes -= bytes;
    }

    /// The peer was heard.
    pub fn heard(&mut self, now_ms: u64) {
        self.heard_at = now_ms;
        self.pinged = false;
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

    fn shrink(&mut self) {
        fn release<T>(queue: &mut VecDeque<T>) {
            if queue.is_empty() && queue.capacity() > 0 {
                *queue = VecDeque::new();
            }
        }
        release(&mut self.controls);
        release(&mut self.events);
        release(&mut self.in_flight);
        if self.open.is_empty() && self.open.capacity() > 0 {
            self.open = Vec::new();
        }
    }
}

impl Replayed {
    fn unseen(&self, block: &Arc<Block>) -> Option<Arc<Block>> {
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

/// What anybody needs who puts something into an outbox.
pub struct Desk<'a> {
    /// The gateway's time, read once for many sockets.
    pub now_ms: u64,
    /// The gateway's options.
    pub options: &'a GatewayOptions,
    /// Decides when the task is woken.
    pub pacer: &'a Pacer,
    /// What is counted.
    pub meters: &'a crate::meters::Meters,
}

fn deadline_exceeded() -> Error {
    Error::new(anser_types::Code::DeadlineExceeded, "the request's time ran out")
}
