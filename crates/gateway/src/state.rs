//! The gateway's state, shared by both halves, and its life: start, drain, stop.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anser_contract::v1::SendItem;
use anser_types::{Clock, Result, SessionId};
use parking_lot::Mutex;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    follow,
    frames::Encoding,
    hub::{Arrival, Hub},
    identity::{Identities, Identity},
    link::{self, Intake, Offer},
    meters::Meters,
    options::{GatewayOptions, GatewayServices},
    rates::Rates,
    receipts::{self, Receipts},
    resume::StoreName,
    transfers::Transfers,
    ws::{
        close::Close,
        later,
        outbox::Control,
        pacer::Pacer,
        socket::{Desk, Socket},
        sweeper,
    },
};

/// How many clients are told at a time to come back later, and the pause before the next.
const DRAIN_BATCH: usize = 500;
const DRAIN_PAUSE: Duration = Duration::from_millis(20);
/// How long open requests may take to end while draining, and connections to go.
const DRAIN_PATIENCE: Duration = Duration::from_secs(3);
/// How long sends may wait for a stream that is down.
const SEND_PATIENCE: Duration = Duration::from_secs(1);

/// One gateway: what its handlers and tasks share.
pub struct Gateway {
    /// The services behind it.
    pub services: GatewayServices,
    /// What is set about it.
    pub options: GatewayOptions,
    /// Its time.
    pub clock: Clock,
    /// Who requests come from.
    pub identities: Identities,
    /// How often they may ask.
    pub rates: Rates,
    /// Who sends and gets files at this moment.
    pub(crate) transfers: Transfers,
    pub(crate) hub: Hub,
    pub(crate) intake: Intake,
    pub(crate) receipts: Receipts,
    pub(crate) pacer: Pacer,
    pub(crate) meters: Meters,
    /// Connections and their calls.
    pub(crate) tasks: TaskTracker,
    /// What runs beside the connections.
    beside: Mutex<Vec<JoinHandle<()>>>,
    born: Instant,
    handshakes: Mutex<Allowance>,
    draining: AtomicBool,
}

/// Handshakes that may be taken now; grows with time.
struct Allowance {
    left: f64,
    at_ms: u64,
}

impl Gateway {
    /// A gateway that does nothing until it is started.
    pub fn new(services: GatewayServices, options: GatewayOptions, clock: Clock) -> Arc<Self> {
        let identities = Identities::new(services.auth.clone(), clock.clone(), options.timings.remember_ended);
        let handshakes = Mutex::new(Allowance { left: options.handshakes_per_second.into(), at_ms: 0 });
        let rates = Rates::new(&options.allowances);
        let transfers = Transfers::new(options.transfers);
        Arc::new(Self {
            services,
            options,
            clock,
            identities,
            rates,
            transfers,
            hub: Hub::new(),
            intake: Intake::new(),
            receipts: Receipts::default(),
            pacer: Pacer::default(),
            meters: Meters::new(),
            tasks: TaskTracker::new(),
            beside: Mutex::default(),
            born: Instant::now(),
            handshakes,
            draining: AtomicBool::new(false),
        })
    }

    /// Starts what runs beside the connections: the streams from messaging and of events, the pacer and the sweeper.
    pub fn start(self: &Arc<Self>) {
        let pacing = self.clone();
        let tasks = [
            tokio::spawn(link::run(self.clone())),
            tokio::spawn(follow::run(self.clone())),
            tokio::spawn(sweeper::run(self.clone())),
            tokio::spawn(receipts::run(self.clone())),
            tokio::spawn(async move { pacing.pacer.run().await }),
        ];
        self.beside.lock().extend(tasks);
    }

    /// Whether the streams behind the gateway stand, so that sends and logins work.
    pub fn connected(&self) -> bool {
        self.intake.is_up() && self.identities.ended().is_complete()
    }

    /// Whether the gateway takes no new connections any more.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Takes no new WebSocket, tells those that are open to come back after about `after_ms`, lets open requests
    /// finish, and closes them.
    pub async fn drain(&self, after_ms: u32) {
        self.draining.store(true, Ordering::Relaxed);
        for sockets in self.hub.sockets().chunks(DRAIN_BATCH) {
            let desk = self.desk();
            for socket in sockets {
                // Each its own time, so that they do not all come at once.
                let spread = rand::random::<u32>() % after_ms.max(1);
                socket.control(Control::Reconnect(after_ms / 2 + spread), &desk);
            }
            sleep(DRAIN_PAUSE).await;
        }
        let answered = async {
            while self.hub.sockets().iter().any(|socket| socket.open_requests() > 0) {
                sleep(DRAIN_PAUSE).await;
            }
        };
        let _in_time = timeout(DRAIN_PATIENCE, answered).await;
        self.close_all(Close::RESTART).await;
    }

    /// Ends everything that [`Gateway::start`] started, and every connection that is still there.
    pub async fn stop(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.close_all(Close::RESTART).await;
        for task in self.beside.lock().drain(..) {
            task.abort();
        }
    }

    async fn close_all(&self, close: Close) {
        for socket in self.hub.sockets() {
            socket.close(close.clone(), self.now_ms());
        }
        let gone = async {
            while !self.hub.is_empty() {
                sleep(DRAIN_PAUSE).await;
            }
        };
        let _in_time = timeout(DRAIN_PATIENCE, gone).await;
    }

    /// Whether one more WebSocket may come in.
    pub(crate) fn admit(&self) -> Result<()> {
        if self.draining() {
            return Err(later("the server is going down"));
        }
        if self.tasks.len() >= self.options.max_connections {
            return Err(later("the server is full"));
        }
        let rate = f64::from(self.options.handshakes_per_second);
        let mut handshakes = self.handshakes.lock();
        let now_ms = self.now_ms();
        let grown = handshakes.left + now_ms.saturating_sub(handshakes.at_ms) as f64 * rate / 1_000.0;
        *handshakes = Allowance { left: grown.min(rate), at_ms: now_ms };
        if handshakes.left < 1.0 {
            return Err(later("too many clients connect at once"));
        }
        handshakes.left -= 1.0;
        Ok(())
    }

    /// Brings a connection into the hub.
    pub(crate) fn enter(&self, identity: &Identity, encoding: Encoding) -> Arrival {
        let most = self.options.sockets_per_session;
        let arrival = self.hub.enter(identity.user, identity.session, encoding, most, self.now_ms(), &self.intake);
        self.meters.connections.increment(1.0);
        arrival
    }

    /// A connection is gone.
    pub(crate) fn left(&self, socket: &Socket) {
        self.hub.leave(socket, &self.intake);
        self.meters.connections.decrement(1.0);
    }

    /// Offers sends to messaging.
    pub(crate) fn offer(&self, socket: &Arc<Socket>, sends: &mut Vec<SendItem>) -> Offer {
        self.intake.offer(socket, sends, SEND_PATIENCE)
    }

    /// Milliseconds of this gateway's life: what deadlines of connections are measured in.
    pub(crate) fn now_ms(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    /// What is needed to put something into an outbox now.
    pub(crate) fn desk(&self) -> Desk<'_> {
        Desk { now_ms: self.now_ms(), options: &self.options, pacer: &self.pacer, meters: &self.meters }
    }

    /// Whether sessions can be checked and the store has a name: before that everybody would be sent away.
    pub fn knows_services(&self) -> bool {
        self.hub.store().is_some() && self.identities.require_living(SessionId::default()).is_ok()
    }

    /// Which store resume points are of.
    pub(crate) fn store(&self) -> StoreName {
        self.hub.store().unwrap_or(StoreName::of(&[]))
    }

    /// Ends the connections of sessions that are over.
    pub(crate) fn end_sessions(&self, ended: &HashSet<SessionId>, close: &Close) {
        for socket in self.hub.sockets_in(ended) {
            socket.close(close.clone(), self.now_ms());
        }
    }
}
