//! A gateway with people: what each test begins with.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anser_contract::v1::Limits;
use anser_gateway::{Gateway, GatewayOptions, GatewayServices, ListenerOptions, ws};
use anser_types::{Clock, SessionId, UserId};
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, Encoding},
    fakes::{
        FakeAuth, FakeContacts, FakeConversations, FakeEvents, FakeJournal, FakeMessages, FakeSearch, FakeSpeech,
        FakeUsers, NoFiles,
    },
};

pub const ALICE: UserId = UserId([1; 16]);
pub const BOB: UserId = UserId([2; 16]);

pub struct Town {
    pub gateway: Arc<Gateway>,
    pub auth: Arc<FakeAuth>,
    pub contacts: Arc<FakeContacts>,
    pub events: Arc<FakeEvents>,
    pub messages: FakeMessages,
    pub address: SocketAddr,
    shutdown: CancellationToken,
}

impl Town {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let clock = Clock::system();
        let auth = FakeAuth::new(clock.clone());
        let (contacts, events) = (Arc::<FakeContacts>::default(), Arc::<FakeEvents>::default());
        let messages = FakeMessages::default();
        messages.0.lock().epoch = b"first store here".to_vec();
        let services = GatewayServices {
            users: Arc::new(FakeUsers),
            auth: auth.clone(),
            phones: auth.clone(),
            opaque: auth.clone(),
            contacts: contacts.clone(),
            conversations: Arc::new(FakeConversations),
            messages: Arc::new(messages.clone()),
            files: Arc::new(NoFiles),
            events: events.clone(),
            journal: Arc::new(FakeJournal),
            speech: Arc::new(FakeSpeech),
            search: Arc::new(FakeSearch),
        };
        let mut options = GatewayOptions::default();
        options.timings.sweep = Duration::from_millis(50);
        change(&mut options);
        let gateway = Gateway::new(services, options, clock);
        gateway.start();
        let router = Router::new().route("/v1/ws", get(ws::upgrade)).with_state(gateway.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(anser_gateway::serve(listener, router, shutdown.clone(), ListenerOptions::default()));
        let town = Self { gateway, auth, contacts, events, messages, address, shutdown };
        while !town.gateway.connected() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        town
    }

    /// A token of the person's session with this number.
    pub fn token(&self, user: UserId, session: u8) -> String {
        self.auth.token(user, SessionId([session; 16]), |_| {})
    }

    /// A connection after its welcome.
    pub async fn connect(&self, user: UserId, encoding: Encoding) -> Client {
        self.resume(user, encoding, "").await
    }

    /// A connection of the session with the user's own number that comes back with a resume point.
    pub async fn resume(&self, user: UserId, encoding: Encoding, resume: &str) -> Client {
        let mut client = Client::open(self.address, encoding).await;
        client.hello(&self.token(user, user.0[0]), resume).await;
        client.welcome().await;
        client
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Small windows, so that few messages fill them.
pub fn small_windows(options: &mut GatewayOptions) {
    options.limits = Limits { unacked_pushes: 4, open_requests: 8, ..options.limits };
    options.queued_events = 16;
    options.timings.slow_grace = Duration::from_millis(400);
}
