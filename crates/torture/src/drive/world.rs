//! What all virtual people share.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::watch,
    time::{Duration, Instant, sleep},
};

use super::{Http, Person};
use crate::history::{Recorder, What};

/// Nothing comes for so long: longer than reactions wait until they are told.
const QUIET: Duration = Duration::from_millis(1600);

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// People do things.
    Busy,
    /// Nobody begins anything new; what is open is brought to its end.
    Settling,
    /// All is over.
    Over,
}

/// How people behave.
#[derive(Clone, Debug)]
pub struct Habits {
    /// The pause between two things that a device does, on average.
    pub pause: Duration,
    /// The pause between two things that happen between people, on average; `None`: nothing happens.
    pub social_pause: Option<Duration>,
    /// How many such things go on at once.
    pub social_lanes: u64,
    /// Messages that a device sends at once, at most.
    pub burst: usize,
    /// Of a hundred things that a device does, how many are disconnections.
    pub disconnects: usize,
    /// Of a hundred things that a device does, how many are pauses without reading.
    pub stalls: usize,
    /// The longest pause without reading.
    pub stall: Duration,
    /// Of a hundred things that a device does, how many are readings of old pages and heads.
    pub syncs: usize,
    /// Beside a hundred of these, how many are changes of messages.
    pub changes: usize,
    /// The same of files and searches.
    pub files: usize,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            pause: Duration::from_millis(120),
            social_pause: Some(Duration::from_millis(150)),
            social_lanes: 3,
            burst: 4,
            disconnects: 3,
            stalls: 1,
            stall: Duration::from_millis(1500),
            syncs: 10,
            changes: 50,
            files: 25,
        }
    }
}

/// A group and who is thought to be in it. The log decides; this only makes sensible choices likely.
pub struct Group {
    /// Its id.
    pub id: String,
    /// Whose it is, as an index into the people. The owner never leaves.
    pub owner: usize,
    /// Who is thought to be a member.
    pub members: Mutex<BTreeSet<usize>>,
}

/// What all virtual people share.
pub struct World {
    /// The server.
    pub http: Http,
    /// The history.
    pub recorder: Arc<Recorder>,
    /// Everybody.
    pub people: Vec<Arc<Person>>,
    /// How they behave.
    pub habits: Habits,
    /// The seed of all dice.
    pub seed: u64,
    /// The groups.
    pub groups: Mutex<Vec<Arc<Group>>>,
    /// Words that stand in one message and its copies only, as far as they were said.
    pub said: Mutex<Vec<String>>,
    /// The files that were sent.
    pub files: Mutex<Vec<String>>,
    /// Messages that were sent and have no outcome yet.
    pub unacked: AtomicI64,
    /// Messages that had no outcome when a server went away.
    pub cut_off: AtomicU64,
    /// Devices that still have something to bring to its end.
    pub unsettled: AtomicUsize,
    /// Things that devices did, for progress lines.
    pub actions: AtomicU64,
    /// When devices may begin to do things, in milliseconds of Unix time; for ids.
    clock_ms: i64,
    began: Instant,
    phase: watch::Sender<Phase>,
}

impl World {
    /// A world around `people`. `unix_ms` is the time now, for the ids of messages.
    pub fn new(
        http: Http,
        recorder: Arc<Recorder>,
        people: Vec<Arc<Person>>,
        habits: Habits,
        seed: u64,
        unix_ms: i64,
    ) -> Arc<Self> {
        Arc::new(Self {
            http,
            recorder,
            people,
            habits,
            seed,
            groups: Mutex::new(Vec::new()),
            said: Mutex::default(),
            files: Mutex::default(),
            unacked: AtomicI64::new(0),
            cut_off: AtomicU64::new(0),
            unsettled: AtomicUsize::new(0),
            actions: AtomicU64::new(0),
            clock_ms: unix_ms,
            began: Instant::now(),
            phase: watch::Sender::new(Phase::Busy),
        })
    }

    /// The time for ids.
    pub fn unix_ms(&self) -> i64 {
        self.clock_ms + self.began.elapsed().as_millis() as i64
    }

    /// Follows the phase.
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// The groups now.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        lock(&self.groups).clone()
    }

    /// Who `person` is among the people.
    pub fn index_of(&self, person: &str) -> usize {
        self.people.iter().position(|known| known.id == person).unwrap_or_default()
    }

    /// Lets everybody finish, waits until nothing moves any more and notes that it is quiet. `false` if it never was.
    pub async fn settle(&self, patience: Duration) -> bool {
        self.phase.send_replace(Phase::Settling);
        let deadline = Instant::now() + patience;
        let (mut seen, mut since) = (self.recorder.arrivals(), Instant::now());
        loop {
            sleep(Duration::from_millis(50)).await;
            let (arrivals, now) = (self.recorder.arrivals(), Instant::now());
            if arrivals != seen || self.unsettled.load(Ordering::SeqCst) > 0 {
                (seen, since) = (arrivals, now);
            }
            let quiet = now - since > QUIET;
            if quiet || now > deadline {
                self.recorder.note(What::Quiet {});
                return quiet;
            }
        }
    }

    /// Sends everybody home.
    pub fn end(&self) {
        self.phase.send_replace(Phase::Over);
    }
}

/// Locks, also where somebody panicked while holding it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
