//! Who is connected here: users and their sockets, and how far the stream of hints has been handed out.
//!
//! Handing out hints takes the lock for reading, coming and going takes it for writing: so a socket gets either all of
//! a message from messaging or nothing of it, and knows at which position it came in. Locks: hub, then its watches,
//! then the link's intake, then a socket; never the other way round.

mod deliver;
mod watches;

pub(crate) use deliver::{blocks, tag, told};
pub(crate) use watches::{Asked, Watches};

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use anser_types::{SessionId, UserId};
use parking_lot::RwLock;
use tokio::sync::oneshot;

use crate::{
    frames::Encoding,
    link::Intake,
    resume::StoreName,
    ws::socket::{Desk, Socket},
};

/// The sockets of this node.
pub struct Hub {
    inner: RwLock<Inner>,
    /// Every hint up to here was put into the queues of those it was for.
    position: AtomicI64,
    next_number: AtomicU32,
    /// Whose presence the sockets watch.
    pub(crate) watches: Watches,
}

#[derive(Default)]
struct Inner {
    sockets: HashMap<u32, Arc<Socket>>,
    people: HashMap<UserId, Person>,
    store: Option<StoreName>,
}

#[derive(Default)]
struct Person {
    sockets: Vec<Arc<Socket>>,
    /// Hints for them come in the stream.
    attached: bool,
    /// An attach is on its way. Nobody is detached before its answer, so an answer is never taken for another's.
    asked: bool,
    waiting: Vec<oneshot::Sender<i64>>,
}

/// A socket that has just come in.
pub struct Arrival {
    /// The socket, holding what comes for it.
    pub socket: Arc<Socket>,
    /// The position from which on everything comes to it.
    pub attached: Attachment,
    /// The oldest socket of the session, where it had too many.
    pub replaced: Option<Arc<Socket>>,
}

/// Whether a user's hints already come.
pub enum Attachment {
    /// They do; everything after this position.
    At(i64),
    /// They will; the position comes when they do. Dropped if the stream breaks for good.
    Soon(oneshot::Receiver<i64>),
}

/// What the link says when it opens: who is here, in the moment the intake is emptied.
pub struct Roll {
    /// Everybody who is here.
    pub users: Vec<UserId>,
    /// The position to go on from.
    pub position: i64,
    /// Everybody whose presence is watched here.
    pub watched: Vec<UserId>,
    /// Some of them were attached to an earlier stream, so they must not miss what came since.
    pub again: bool,
}

impl Hub {
    /// Nobody is here.
    pub fn new() -> Self {
        // Numbers go out as names of sends; beginning anywhere keeps those of an earlier process apart.
        let first = rand::random::<u32>() >> 1;
        Self {
            inner: RwLock::default(),
            position: AtomicI64::new(0),
            next_number: AtomicU32::new(first),
            watches: Watches::default(),
        }
    }

    /// How far hints were handed out.
    pub fn position(&self) -> i64 {
        self.position.load(Ordering::Acquire)
    }

    /// Which store the positions are of; unknown until messaging was heard.
    pub fn store(&self) -> Option<StoreName> {
        self.inner.read().store
    }

    /// How many sockets are here.
    pub fn len(&self) -> usize {
        self.inner.read().sockets.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sockets that are here.
    pub fn sockets(&self) -> Vec<Arc<Socket>> {
        self.inner.read().sockets.values().cloned().collect()
    }

    /// The sockets of `user`.
    pub fn sockets_of(&self, user: UserId) -> Vec<Arc<Socket>> {
        self.inner.read().people.get(&user).map(|person| person.sockets.clone()).unwrap_or_default()
    }

    /// Brings a socket in. The first of a user is announced to messaging.
    pub fn enter(
        &self,
        user: UserId,
        session: SessionId,
        encoding: Encoding,
        sockets_per_session: usize,
        now_ms: u64,
        intake: &Intake,
    ) -> Arrival {
        let mut inner = self.inner.write();
        let mut number = self.next_number.fetch_add(1, Ordering::Relaxed);
        while number == 0 || inner.sockets.contains_key(&number) {
            number = self.next_number.fetch_add(1, Ordering::Relaxed);
        }
        let socket = Socket::new(number, user, session, encoding, now_ms);
        inner.sockets.insert(number, socket.clone());
        let person = inner.people.entry(user).or_default();
        let of_session = || person.sockets.iter().filter(|other| other.session == session && !other.is_closing());
        let replaced = if of_session().count() >= sockets_per_session { of_session().next().cloned() } else { None };
        // One more place and not four, as a vector would take by itself: nearly everybody has one socket.
        person.sockets.reserve_exact(1);
        person.sockets.push(socket.clone());
        if !person.attached && !person.asked {
            person.asked = true;
            intake.attach(user);
        }
        let attached = if person.attached {
            Attachment::At(self.position())
        } else {
            let (sender, receiver) = oneshot::channel();
            person.waiting.push(sender);
            Attachment::Soon(receiver)
        };
        Arrival { socket, attached, replaced }
    }

    /// Takes a socket out. The last of a user is announced to messaging.
    pub fn leave(&self, socket: &Socket, intake: &Intake) {
        self.watches.leave(socket, intake);
        let mut inner = self.inner.write();
        inner.sockets.remove(&socket.number);
        let Some(person) = inner.people.get_mut(&socket.user) else { return };
        person.sockets.retain(|other| other.number != socket.number);
        if person.sockets.is_empty() && !person.asked {
            if person.attached {
                intake.detach(socket.user);
            }
            inner.people.remove(&socket.user);
        } else {
            person.sockets.shrink_to(1);
        }
    }

    /// A new stream begins: everybody who is here is announced with it, whatever was announced before.
    pub(crate) fn roll(&self, begin: impl FnOnce(&Roll)) {
        let mut inner = self.inner.write();
        inner.people.retain(|_, person| !person.sockets.is_empty());
        let mut users = Vec::with_capacity(inner.people.len());
        let again = inner.people.values().any(|person| person.attached);
        for (user, person) in &mut inner.people {
            person.asked = true;
            users.push(*user);
        }
        let watches = self.watches.hold();
        begin(&Roll { users, position: self.position(), watched: watches.people().collect(), again });
    }

    /// Messaging sends the hints of these users from now on.
    pub(crate) fn attached(&self, users: &[Vec<u8>], position: i64, intake: &Intake) {
        let mut inner = self.inner.write();
        for user in users {
            let Ok(user) = UserId::try_from(&user[..]) else { continue };
            let Some(person) = inner.people.get_mut(&user) else { continue };
            person.asked = false;
            if person.sockets.is_empty() {
                intake.detach(user);
                inner.people.remove(&user);
                continue;
            }
            person.attached = true;
            for waiting in std::mem::take(&mut person.waiting) {
                let _gone = waiting.send(position);
            }
        }
    }

    /// Which store the stream is of. Positions of another store mean nothing: answers whether they have to be forgotten.
    pub(crate) fn set_store(&self, store: StoreName) -> bool {
        let mut inner = self.inner.write();
        let changed = inner.store.is_some_and(|known| known != store);
        inner.store = Some(store);
        if changed {
            self.position.store(0, Ordering::Release);
        }
        changed
    }

    /// Everything up to `position` was handed out.
    pub(crate) fn advance(&self, position: i64) {
        self.position.fetch_max(position, Ordering::AcqRel);
    }

    /// Hints were lost: every client has to sync, and the stream goes on from `position`.
    pub(crate) fn reset(&self, position: i64, desk: &Desk<'_>) {
        let inner = self.inner.write();
        self.position.store(position, Ordering::Release);
        for socket in inner.sockets.values() {
            socket.require_sync("the server lost the thread", desk);
        }
    }

    /// Every client has to sync.
    pub(crate) fn require_sync(&self, reason: &'static str, desk: &Desk<'_>) {
        for socket in self.inner.read().sockets.values() {
            socket.require_sync(reason, desk);
        }
    }

    /// The sockets whose session is among `ended`.
    pub fn sockets_in(&self, ended: &HashSet<SessionId>) -> Vec<Arc<Socket>> {
        self.inner.read().sockets.values().filter(|socket| ended.contains(&socket.session)).cloned().collect()
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}
