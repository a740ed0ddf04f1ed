//! The one place where components are made, in order: engines, services, events, gateway.

use std::{sync::Arc, time::Duration};

use anser_auth::{AccountKeeper, AuthService};
use anser_contact::{Callees, ContactService};
use anser_contract::{Peer, v1::Users};
use anser_engine::{StoreKeeper, outbox::Outbox};
use anser_file::FileService;
use anser_gateway::{GatewayServices, Health};
use anser_messaging::{Messaging, MessagingService};
use anser_search::{SearchPeers, SearchService};
use anser_speech::SpeechService;
use anser_types::Clock;
use anser_user::{ProfileKeeper, UserService};
use anyhow::Context;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    admin::socket,
    config::Config,
    door::Door,
    engines::{Engines, in_words, migrations},
    lifecycle::{self, Sockets},
    metrics::Metrics,
    options,
    peers::{self, AdminServices, Node},
    probes,
    roles::Placement,
    sms, telemetry, upkeep,
};

/// How long calls of gateways may take to end after the shutdown.
const MOMENT: Duration = Duration::from_millis(500);

/// Runs the server until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let telemetered = telemetry::start(&config.log, &config.telemetry)?;
    let metrics = Metrics::install()?;
    let shutdown = CancellationToken::new();
    lifecycle::watch_signals(shutdown.clone())?;

    let placement = config.placement()?;
    let sockets = Sockets::bind(&config, &placement).await?;
    let clock = Clock::system();
    let health = Health::new();
    let drain = Duration::from_millis(config.server.drain_ms);
    upkeep::process(&health, &clock, &metrics, &shutdown);

    let outcome = match placement {
        Placement::Gateway { store, secret_file } => {
            let secret = peers::read_secret(&secret_file)?;
            let services = peers::remote(&Peer::new(&store, secret)?);
            upkeep::peers(&services, &health, &shutdown);
            let door = Door::open(&config, services, &clock, &health, &metrics)?;
            door.serve(sockets.clients, sockets.chatroom, &shutdown).await
        }
        Placement::All { loopback } => {
            let engines = Engines::open(&config, &clock, &health)?;
            upkeep::store(&engines, &health, &shutdown);
            let mut node = match (loopback, &sockets.peers) {
                (true, Some(listener)) => Node::loopback(listener, engines.peer.clone())?,
                _ => Node::new(engines.peer.clone()),
            };
            let Built { services, seen, finder, .. } = services(&config, &engines, &clock, &mut node).await?;
            upkeep::search(&finder, &health, &shutdown);
            upkeep::closing(&services, &clock, &shutdown);
            let (routes, admin_routes) = node.routes();
            // Needed until the last request is answered, so it ends with the process and not with the shutdown.
            let _peers = serve_peers(sockets.peers, routes, &CancellationToken::new());
            socket::serve(&config.server.data_dir, admin_routes, &shutdown);
            let door = Door::open(&config, services, &clock, &health, &metrics)?;
            let outcome = door.serve(sockets.clients, sockets.chatroom, &shutdown).await;
            seen.note(drain).await;
            lifecycle::bounded(drain, engines.db.close()).await;
            outcome
        }
        Placement::Store { listen: _ } => {
            let engines = Engines::open(&config, &clock, &health)?;
            upkeep::store(&engines, &health, &shutdown);
            let mut node = Node::new(engines.peer.clone());
            let Built { services, seen, finder, .. } = services(&config, &engines, &clock, &mut node).await?;
            upkeep::search(&finder, &health, &shutdown);
            upkeep::closing(&services, &clock, &shutdown);
            let (routes, admin_routes) = node.routes();
            socket::serve(&config.server.data_dir, admin_routes, &shutdown);
            if let Some(listener) = sockets.probes {
                probes::serve(listener, &health, &metrics, &shutdown);
            }
            lifecycle::announce_store(sockets.peers.as_ref());
            let served = serve_peers(sockets.peers, routes, &shutdown).context("no socket for the gateways")?;
            health.set_ready(true);
            shutdown.cancelled().await;
            health.set_ready(false);
            // The gateways' streams never end by themselves; single calls get a moment.
            let _streams_remain = timeout(drain.min(MOMENT), served).await;
            seen.note(drain).await;
            lifecycle::bounded(drain, engines.db.close()).await;
            Ok(())
        }
    };
    let _ = tokio::task::spawn_blocking(|| telemetered.finish()).await;
    outcome
}

/// The services, in the order in which they may call each other: downwards only. And what an operator may do with them.
pub async fn services(config: &Config, engines: &Engines, clock: &Clock, node: &mut Node) -> anyhow::Result<Built> {
    let db = &engines.db;

    let users = UserService::new(db, engines.user, options::user(config), clock.clone());
    let profiles = ProfileKeeper::new(&users);
    let users = node.users(Arc::new(users));

    let sms = sms::provider(config, clock)?;
    let auth = AuthService::new(db, users.clone(), sms, &engines.auth, options::auth(config), clock.clone())?;
    auth.start();
    let accounts = AccountKeeper::new(auth.clone(), profiles);
    let phones = node.phones(auth.clone());
    let opaque = node.opaque(auth.clone());
    let auth = node.auth(auth);

    let blobs = engines.blobs.clone();
    let files = FileService::new(db, blobs, &engines.uploads, engines.file, options::file(config), clock.clone())?;
    files.start();
    let files = node.files(files);

    let messaging = options::messaging(config, engines.messaging_pages);
    let messaging = Messaging::start(db, files.clone(), messaging, clock.clone()).await?;
    messaging.start_auditor();
    messaging.start_telling_reactions();
    messaging.start_expiring();
    messaging.start_sending_scheduled();
    messaging.start_keeping_delivered();
    messaging.start_telling_files();
    messaging.start_noting_seen(users.clone());
    let log = messaging.keeper();
    let seen = LastSeen { messaging: messaging.clone(), users: users.clone() };
    let conversations = node.conversations(messaging.clone());
    let messages = node.messages(messaging.clone());
    let journal = node.journal(messaging);

    let contact = options::contact(config);
    let callees = Callees {
        users: users.clone(),
        auth: auth.clone(),
        phones: phones.clone(),
        conversations: conversations.clone(),
    };
    let contact = ContactService::new(db, callees, engines.contact, contact, clock.clone());
    contact.start();
    let contacts = node.contacts(contact);

    let search = options::search(config, engines.search, db.epoch());
    let peers = SearchPeers {
        journal: journal.clone(),
        users: users.clone(),
        contacts: contacts.clone(),
        phones: phones.clone(),
    };
    let finder = SearchService::new(search, peers, clock.clone());
    let search = node.search(finder.clone());

    let speech =
        SpeechService::new(options::speech(config)?, files.clone(), journal.clone(), clock).map_err(in_words)?;
    let speech = node.speech(speech);

    let events = node.events(Outbox::new(db));
    let admin = AdminServices { accounts, log, store: StoreKeeper::new(db, migrations()) };
    node.operator(&admin);
    let services = GatewayServices {
        users,
        auth,
        phones,
        opaque,
        contacts,
        conversations,
        messages,
        files,
        journal,
        search,
        speech,
        events,
    };
    Ok(Built { services, admin, seen, finder })
}

/// All that [`services`] makes.
pub struct Built {
    /// What gateways call.
    pub services: GatewayServices,
    /// What the operator calls.
    pub admin: AdminServices,
    seen: LastSeen,
    finder: Arc<SearchService>,
}

/// What is still to be noted at the end: when people were last online.
struct LastSeen {
    messaging: Arc<MessagingService>,
    users: Arc<dyn Users>,
}

impl LastSeen {
    async fn note(&self, patience: Duration) {
        lifecycle::bounded(patience, async {
            if let Err(error) = self.messaging.note_everybody(&*self.users).await {
                tracing::warn!(%error, "when people were last online could not be noted");
            }
        })
        .await;
    }
}

/// Serves the node's services to other processes, where there is a socket for that.
fn serve_peers(listener: Option<TcpListener>, routes: Routes, shutdown: &CancellationToken) -> Option<JoinHandle<()>> {
    let (listener, shutdown) = (listener?, shutdown.clone());
    Some(tokio::spawn(async move {
        if let Err(error) = peers::serve(listener, routes, shutdown).await {
            tracing::error!(%error, "the services can no longer be reached by gateways");
        }
    }))
}
