//! What goes up to messaging: sends of all connections gathered into batches, who comes and goes, who is watched, and what
//! devices hold.
//!
//! Connections put sends in, messaging's side of the stream takes them out; whatever gathered between two takes goes as
//! one batch. It is bounded: a connection that finds it full keeps its sends and stops reading until there is room.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use anser_contract::v1::{
    Attach, DeliveredBatch, DeliveredItem, Detach, LinkOpen, LinkUp, SendBatch, SendItem, Watch, link_up::Up,
};
use anser_types::{Result, UserId};
use futures_util::Stream;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{hub::Roll, ws::socket::Socket};

/// How many sends may wait.
const CAPACITY: usize = 8_192;
/// How many sends, and about how many bytes of them, go as one message.
const BATCH_ITEMS: usize = 2_048;
const BATCH_BYTES: usize = 4 << 20;
/// How many users one attach or watch names.
const ATTACH_USERS: usize = 1_000;

/// The way up. Cloning gives another handle.
#[derive(Clone)]
pub struct Intake(Arc<Mutex<Inner>>);

struct Inner {
    /// Counts streams: an older one gets nothing more.
    generation: u64,
    /// Since when there is no stream.
    down_since: Option<Instant>,
    open: Option<LinkUp>,
    moves: VecDeque<Move>,
    sends: VecDeque<SendItem>,
    /// Who is to be watched, and who no longer (`false`): the last word about each. Goes when nothing else does.
    watched: HashMap<UserId, bool>,
    /// What devices hold.
    delivered: Vec<DeliveredItem>,
    /// Wakes the stream.
    taker: Option<Waker>,
    /// Connections that wait for room.
    turned_away: Vec<Arc<Socket>>,
}

enum Move {
    In(UserId),
    Out(UserId),
}

/// What became of an offer of sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// They go up.
    Taken,
    /// There is no room for them; the connection is woken when there is.
    Full,
    /// There has been no stream for so long that they are refused.
    Down,
}

impl Intake {
    /// An intake without a stream.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            generation: 0,
            down_since: Some(Instant::now()),
            open: None,
            moves: VecDeque::new(),
            sends: VecDeque::new(),
            watched: HashMap::new(),
            delivered: Vec::new(),
            taker: None,
            turned_away: Vec::new(),
        })))
    }

    /// Offers all of `sends`, which is empty afterwards if they were taken.
    pub fn offer(&self, socket: &Arc<Socket>, sends: &mut Vec<SendItem>, patience: Duration) -> Offer {
        let mut inner = self.0.lock();
        if inner.down_since.is_some_and(|since| since.elapsed() >= patience) {
            return Offer::Down;
        }
        if inner.sends.len() + sends.len() > CAPACITY {
            inner.turned_away.push(socket.clone());
            return Offer::Full;
        }
        inner.sends.extend(sends.drain(..));
        wake(inner);
        Offer::Taken
    }

    /// A user is here now.
    pub fn attach(&self, user: UserId) {
        self.moves(Move::In(user));
    }

    /// A user's last socket went.
    pub fn detach(&self, user: UserId) {
        self.moves(Move::Out(user));
    }

    fn moves(&self, moved: Move) {
        let mut inner = self.0.lock();
        // Without a stream nobody has to be told: the next one begins with everybody who is here.
        if inner.generation > 0 {
            inner.moves.push_back(moved);
            wake(inner);
        }
    }

    /// Somebody here wants to know when `user` comes and goes.
    pub fn watch(&self, user: UserId) {
        self.watches(user, true);
    }

    /// Nobody here does any more.
    pub fn no_longer(&self, user: UserId) {
        self.watches(user, false);
    }

    fn watches(&self, user: UserId, watched: bool) {
        let mut inner = self.0.lock();
        if inner.generation > 0 {
            inner.watched.insert(user, watched);
            wake(inner);
        }
    }

    /// Tells what devices hold, if there is a stream and it has taken what it was told before.
    pub fn tell_delivered(&self, held: impl FnOnce() -> Vec<DeliveredItem>) {
        let mut inner = self.0.lock();
        if inner.down_since.is_none() && inner.delivered.is_empty() {
            inner.delivered = held();
            if !inner.delivered.is_empty() {
                wake(inner);
            }
        }
    }

    /// Whether there is a stream.
    pub fn is_up(&self) -> bool {
        self.0.lock().down_since.is_none()
    }

    /// Begins a new stream with everybody who is here and everybody who is watched. To be called under the locks of the hub
    /// and its watches.
    pub(crate) fn begin(&self, name: &str, roll: &Roll) -> UpStream {
        let mut inner = self.0.lock();
        inner.generation += 1;
        inner.moves.clear();
        inner.watched = roll.watched.iter().map(|user| (*user, true)).collect();
        let open = LinkOpen {
            gateway: name.to_owned(),
            after_position: roll.position,
            epoch: Vec::new(),
            user_ids: roll.users.iter().map(|user| user.to_vec()).collect(),
        };
        inner.open = Some(LinkUp { up: Some(Up::Open(open)) });
        if let Some(old) = inner.taker.take() {
            old.wake();
        }
        UpStream { intake: self.clone(), generation: inner.generation }
    }

    pub(super) fn set_up(&self) {
        self.0.lock().down_since = None;
    }

    /// The stream broke. Answers the names of the sends that still wait.
    pub(super) fn set_down(&self) -> HashSet<u64> {
        let mut inner = self.0.lock();
        inner.generation += 1;
        inner.down_since = Some(Instant::now());
        inner.sends.iter().map(|send| send.tag).collect()
    }

    pub(super) fn down_longer_than(&self, patience: Duration) -> bool {
        self.0.lock().down_since.is_some_and(|since| since.elapsed() >= patience)
    }

    pub(super) fn clear_sends(&self) {
        let turned_away = {
            let mut inner = self.0.lock();
            inner.sends = VecDeque::new();
            std::mem::take(&mut inner.turned_away)
        };
        turned_away.iter().for_each(|socket| socket.wake_now());
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self::new()
    }
}

fn wake(mut inner: parking_lot::MutexGuard<'_, Inner>) {
    let taker = inner.taker.take();
    drop(inner);
    if let Some(taker) = taker {
        taker.wake();
    }
}

/// The way up as messaging takes it. Ends when a newer one begins.
pub struct UpStream {
    intake: Intake,
    generation: u64,
}

impl Stream for UpStream {
    type Item = Result<LinkUp>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (next, turned_away) = {
            let mut inner = self.intake.0.lock();
            if inner.generation != self.generation {
                return Poll::Ready(None);
            }
            let Some(next) = inner.next() else {
                inner.taker = Some(cx.waker().clone());
                return Poll::Pending;
            };
            (next, std::mem::take(&mut inner.turned_away))
        };
        turned_away.iter().for_each(|socket| socket.wake_now());
        Poll::Ready(Some(Ok(next)))
    }
}

impl Inner {
    fn next(&mut self) -> Option<LinkUp> {
        let up = match self.open.take() {
            Some(open) => return Some(open),
            None if !self.moves.is_empty() => self.next_moves()?,
            None if !self.sends.is_empty() => Up::Sends(SendBatch { items: self.next_sends() }),
            None if !self.watched.is_empty() => Up::Watch(self.next_watched()),
            None if !self.delivered.is_empty() => {
                Up::Delivered(DeliveredBatch { items: std::mem::take(&mut self.delivered) })
            }
            None => return None,
        };
        Some(LinkUp { up: Some(up) })
    }

    /// As many moves of one kind as stand at the front.
    fn next_moves(&mut self) -> Option<Up> {
        let coming = matches!(self.moves.front()?, Move::In(_));
        let mut user_ids = Vec::new();
        while user_ids.len() < ATTACH_USERS {
            match self.moves.front() {
                Some(Move::In(user)) if coming => user_ids.push(user.to_vec()),
                Some(Move::Out(user)) if !coming => user_ids.push(user.to_vec()),
                _ => break,
            }
            self.moves.pop_front();
        }
        Some(if coming { Up::Attach(Attach { user_ids }) } else { Up::Detach(Detach { user_ids }) })
    }

    fn next_watched(&mut self) -> Watch {
        let some: Vec<(UserId, bool)> =
            self.watched.iter().take(ATTACH_USERS).map(|(user, watched)| (*user, *watched)).collect();
        let mut watch = Watch::default();
        for (user, watched) in some {
            self.watched.remove(&user);
            if watched { &mut watch.user_ids } else { &mut watch.no_longer }.push(user.to_vec());
        }
        if self.watched.is_empty() {
            self.watched = HashMap::new();
        }
        watch
    }

    fn next_sends(&mut self) -> Vec<SendItem> {
        let mut bytes = 0;
        let fitting = self.sends.iter().take(BATCH_ITEMS).take_while(|item| {
            bytes += weight(item);
            bytes <= BATCH_BYTES
        });
        let count = fitting.count().max(1);
        if count == self.sends.len() {
            Vec::from(std::mem::take(&mut self.sends))
        } else {
            self.sends.drain(..count).collect()
        }
    }
}

/// About how many bytes a send has; what matters is its text.
fn weight(item: &SendItem) -> usize {
    use anser_contract::v1::content::Kind;
    let kind = item.send.as_ref().and_then(|send| send.content.as_ref()).and_then(|content| content.kind.as_ref());
    128 + match kind {
        Some(Kind::Text(text)) => text.text.len(),
        Some(Kind::Custom(custom)) => custom.payload.len() + custom.fallback_text.len(),
        _ => 0,
    }
}
