//! The shared half of a connection: what is to be written, and what the rest of the gateway may do to it.
//!
//! The other half is the connection's one task ([`super::session`]), which alone touches the TCP stream. Everybody else
//! puts things into the [`Outbox`] and wakes the task. Locks: a socket's lock is a leaf, nothing else is locked
//! while it is held.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use anser_contract::v1::{Reply, Welcome, reply::Outcome};
use anser_types::{
    Error, SessionId, UserId,
    plant::{planted, planted_every},
};
use parking_lot::{Mutex, MutexGuard};

use super::{
    close::Close,
    outbox::{Control, Outbox, Queued, Replay},
    pacer::Pacer,
};
use crate::{
    frames::{About, Block, Encoding},
    options::GatewayOptions,
    resume::MeVersions,
};

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

impl Socket {
    pub(crate) fn new(number: u32, user: UserId, session: SessionId, encoding: Encoding, now_ms: u64) -> Arc<Self> {
        let outbox = Outbox::new(now_ms);
        let (closing, abandoned) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { number, user, session, encoding, closing, abandoned, outbox: Mutex::new(outbox) })
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
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
        if loses(&outbox, &block) || (block.about() == About::Ephemeral && outbox.sheds(desk.options)) {
            return;
        }
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
                outbox.close = Some(Box::new((close, now_ms)));
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
        welcome: impl FnOnce(bool) -> Box<Welcome>,
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

    /// Lets go what was held, for a connection that begins here and is not welcomed.
    pub(crate) fn begin(&self, floor: i64) {
        let mut outbox = self.outbox.lock();
        outbox.floor = floor;
        outbox.holding = false;
        outbox.lost = false;
    }

    /// The next thing to write, for a connection that writes in a form of its own. A close goes before all else.
    pub(crate) async fn next(&self) -> Next {
        poll_fn(|cx| {
            if self.is_abandoned() {
                return Poll::Ready(Next::Gone);
            }
            let mut outbox = self.outbox.lock();
            if let Some(close) = &outbox.close {
                return Poll::Ready(Next::Close(close.0.clone()));
            }
            if let Some(control) = outbox.controls.pop_front() {
                return Poll::Ready(Next::Control(control));
            }
            if let Some(queued) = outbox.dequeue() {
                return Poll::Ready(Next::Block(queued.block));
            }
            outbox.park(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// The peer said something. `false`: it says more than anybody has to.
    pub(crate) fn heard_in_peace(&self, now_ms: u64, per_second: u32) -> bool {
        let mut outbox = self.outbox.lock();
        outbox.heard(now_ms);
        outbox.pinged_in_peace(now_ms, per_second)
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

    /// Lets go without a greeting.
    #[cfg(test)]
    pub(crate) fn let_go(&self) {
        self.outbox.lock().holding = false;
    }

    /// How many events wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.lock().queued_events
    }

    fn wake(self: &Arc<Self>, mut outbox: MutexGuard<'_, Outbox>, desk: &Desk<'_>) {
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
        let gone = past(outbox.close.as_ref().map(|close| close.1), timings.close_grace);
        let dead = past(heard_at, timings.dead_after);
        // Who takes no byte would not take a goodbye either.
        let stuck = past(outbox.blocked_at, timings.slow_grace);
        if gone || dead || stuck {
            drop(outbox);
            if stuck {
                desk.meters.slow_closed.increment(1);
            } else if dead {
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

/// What a connection that writes in a form of its own takes from its outbox.
pub(crate) enum Next {
    /// Events.
    Block(Arc<Block>),
    /// A frame outside the push window.
    Control(Control),
    /// The end, to be said.
    Close(Close),
    /// The end: nobody is there to say it to.
    Gone,
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

/// Whether a planted fault loses these entries on the way to this connection: never without one.
fn loses(outbox: &Outbox, block: &Block) -> bool {
    matches!(block.about(), About::Entries { .. })
        && (planted_every("frame_dropped", 100) || outbox.flight.last() >= 5 && planted("connection_forgotten"))
}

fn deadline_exceeded() -> Error {
    Error::new(anser_types::Code::DeadlineExceeded, "the request's time ran out")
}
