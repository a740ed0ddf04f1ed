//! The fan-out: after each commit, in commit order, who gets what.
//!
//! One task owns who is online at which gateway, in which conversation. It meets an entry's membership with who is
//! online after the commit, so a send costs nothing for members who are away; and it handles membership changes in
//! their place of the log, so nobody gets an entry after the one that removed them. It never waits for a gateway: one
//! that does not keep up loses its stream and comes back with the position it had.

mod links;
mod online;
mod watched;

use std::{sync::Arc, time::Duration};

use anser_contract::v1::{LinkDown, Outcome};
use anser_engine::{Db, Tx};
use anser_types::{Error, Result, UserId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    effects::{Effect, LinkId},
    log::Log,
    presence::Seen,
};

/// Messages that may wait for the fan-out. The writer waits when it is full; the fan-out never waits for the writer.
const QUEUE: usize = 4_096;
const BEACON: Duration = Duration::from_secs(1);

/// A handle to the fan-out.
#[derive(Clone)]
pub struct Fanout {
    inputs: mpsc::Sender<Input>,
}

/// What the fan-out is told.
enum Input {
    Committed(Vec<Effect>),
    Opened { link: LinkId, down: mpsc::Sender<Result<LinkDown>>, replay_after: Option<i64>, users: Vec<UserId> },
    Attach { link: LinkId, users: Vec<UserId> },
    Detach { link: LinkId, users: Vec<UserId> },
    Loaded(links::Loaded),
    Refused { link: LinkId, outcomes: Vec<Outcome> },
    Closed { link: LinkId },
    Watch { link: LinkId, users: Vec<UserId>, no_longer: Vec<UserId> },
    WhoIsOnline { users: Vec<UserId>, answer: oneshot::Sender<Vec<bool>> },
    NoteEverybody { done: oneshot::Sender<()> },
}

impl Fanout {
    /// Starts the fan-out of `db`'s log, which ends at `position` now. It ends with the last handle.
    pub fn start(db: Db, log: Log, epoch: Vec<u8>, position: i64, seen: Arc<Seen>) -> Self {
        let (inputs, receiver) = mpsc::channel(QUEUE);
        let weak = inputs.downgrade();
        tokio::spawn(run(links::Links::new(db, log, epoch, position, seen, weak), receiver));
        Self { inputs }
    }

    /// Publishes what this transaction did, after its commit. For closures of the writer.
    pub fn publish_after(&self, tx: &mut Tx<'_>, effect: Effect) {
        let fanout = self.clone();
        tx.after_commit(move || fanout.publish(vec![effect]));
    }

    /// Publishes what was committed. To be called on the writer's thread, in commit order.
    pub fn publish(&self, effects: Vec<Effect>) {
        if !effects.is_empty() {
            let _shutting_down = self.inputs.blocking_send(Input::Committed(effects));
        }
    }

    /// Publishes what nobody misses: left out where more waits than half of what may.
    pub fn shed(&self, effect: Effect) {
        if self.inputs.capacity() > QUEUE / 2 {
            let _full = self.inputs.try_send(Input::Committed(vec![effect]));
        }
    }

    /// A gateway's stream began. With `replay_after` it wants the hints since that position for `users`.
    pub async fn open(
        &self,
        link: LinkId,
        down: mpsc::Sender<Result<LinkDown>>,
        replay_after: Option<i64>,
        users: Vec<UserId>,
    ) {
        self.tell(Input::Opened { link, down, replay_after, users }).await;
    }

    /// Users came online at a gateway.
    pub async fn attach(&self, link: LinkId, users: Vec<UserId>) {
        self.tell(Input::Attach { link, users }).await;
    }

    /// Users left a gateway.
    pub async fn detach(&self, link: LinkId, users: Vec<UserId>) {
        self.tell(Input::Detach { link, users }).await;
    }

    /// Sends that never reached the writer.
    pub async fn refuse(&self, link: LinkId, outcomes: Vec<Outcome>) {
        if !outcomes.is_empty() {
            self.tell(Input::Refused { link, outcomes }).await;
        }
    }

    /// A gateway's stream ended.
    pub async fn close(&self, link: LinkId) {
        self.tell(Input::Closed { link }).await;
    }

    /// A gateway wants to be told of these people, and of those no longer.
    pub async fn watch(&self, link: LinkId, users: Vec<UserId>, no_longer: Vec<UserId>) {
        self.tell(Input::Watch { link, users, no_longer }).await;
    }

    /// Whether each of these people is online; `unavailable` where much else waits.
    pub async fn who_is_online(&self, users: Vec<UserId>) -> Result<Vec<bool>> {
        let busy = || Error::unavailable("who is online cannot be said at the moment");
        let (answer, answered) = oneshot::channel();
        if self.inputs.capacity() <= QUEUE / 4 || self.inputs.try_send(Input::WhoIsOnline { users, answer }).is_err() {
            return Err(busy());
        }
        answered.await.map_err(|_| busy())
    }

    /// Notes everybody who is online as seen now.
    pub async fn note_everybody(&self) {
        let (done, noted) = oneshot::channel();
        self.tell(Input::NoteEverybody { done }).await;
        let _shutting_down = noted.await;
    }

    async fn tell(&self, input: Input) {
        let _shutting_down = self.inputs.send(input).await;
    }
}

async fn run(mut links: links::Links, mut inputs: mpsc::Receiver<Input>) {
    let mut beacon = tokio::time::interval(BEACON);
    loop {
        let input = tokio::select! {
            biased;
            _ = beacon.tick() => {
                links.beacon();
                links.tell_due();
                continue;
            }
            input = inputs.recv() => input,
        };
        match input {
            None => return,
            Some(Input::Committed(effects)) => links.committed(effects),
            Some(Input::Opened { link, down, replay_after, users }) => links.opened(link, down, replay_after, users),
            Some(Input::Attach { link, users }) => links.attach(link, users, None),
            Some(Input::Detach { link, users }) => links.detach(link, &users),
            Some(Input::Loaded(loaded)) => links.loaded(loaded),
            Some(Input::Refused { link, outcomes }) => links.outcomes(link, outcomes),
            Some(Input::Closed { link }) => links.closed(link),
            Some(Input::Watch { link, users, no_longer }) => links.watch(link, &users, &no_longer),
            Some(Input::WhoIsOnline { users, answer }) => drop(answer.send(links.who_is_online(&users))),
            Some(Input::NoteEverybody { done }) => {
                links.note_everybody();
                drop(done);
            }
        }
    }
}
