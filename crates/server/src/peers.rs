//! Where a service's handle leads: to the object in this process, or over gRPC to wherever it runs.
//!
//! Callers hold `Arc<dyn Trait>` and cannot tell. [`Node`] is the process that has the objects; [`remote`] is how a
//! gateway process sees them. Later a registry can name the peers; today the configuration does. The operator's traits are
//! served on the operator's socket only, beside the people's.

use std::{path::Path, sync::Arc};

use anser_contract::{
    Peer, PeerSecret,
    v1::{
        AccountAdmin, Auth, Contacts, Conversations, Events, LogAdmin, Messages, RemoteAccountAdmin, RemoteAuth,
        RemoteContacts, RemoteConversations, RemoteEvents, RemoteFiles, RemoteJournal, RemoteLogAdmin, RemoteMessages,
        RemoteOpaqueSessions, RemotePhones, RemoteSearch, RemoteSpeech, RemoteStoreAdmin, RemoteUsers,
        ServeAccountAdmin, ServeAuth, ServeContacts, ServeConversations, ServeEvents, ServeLogAdmin, ServeMessages,
        ServeStoreAdmin, ServeUsers, StoreAdmin, Users,
    },
};
use anser_gateway::{ChatroomServices, GatewayServices};
use anyhow::Context;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

use crate::telemetry;

/// Every service as served at `peer`.
pub fn remote(peer: &Peer) -> GatewayServices {
    GatewayServices {
        users: Arc::new(RemoteUsers::new(peer.clone())),
        auth: Arc::new(RemoteAuth::new(peer.clone())),
        contacts: Arc::new(RemoteContacts::new(peer.clone())),
        conversations: Arc::new(RemoteConversations::new(peer.clone())),
        messages: Arc::new(RemoteMessages::new(peer.clone())),
        events: Arc::new(RemoteEvents::new(peer.clone())),
    }
}

/// The services of the chat-room adapter as served at `peer`.
pub fn remote_chatroom(peer: &Peer) -> ChatroomServices {
    ChatroomServices {
        phones: Arc::new(RemotePhones::new(peer.clone())),
        sessions: Arc::new(RemoteOpaqueSessions::new(peer.clone())),
        files: Arc::new(RemoteFiles::new(peer.clone())),
        journal: Arc::new(RemoteJournal::new(peer.clone())),
        search: Arc::new(RemoteSearch::new(peer.clone())),
        speech: Arc::new(RemoteSpeech::new(peer.clone())),
    }
}

/// What an operator's commands call.
#[derive(Clone)]
pub struct AdminServices {
    /// Accounts and sessions.
    pub accounts: Arc<dyn AccountAdmin>,
    /// The log.
    pub log: Arc<dyn LogAdmin>,
    /// The store.
    pub store: Arc<dyn StoreAdmin>,
}

/// The same as served at `peer`, the operator's socket.
pub fn remote_admin(peer: &Peer) -> AdminServices {
    AdminServices {
        accounts: Arc::new(RemoteAccountAdmin::new(peer.clone())),
        log: Arc::new(RemoteLogAdmin::new(peer.clone())),
        store: Arc::new(RemoteStoreAdmin::new(peer.clone())),
    }
}

/// The secret in `file`, as the process that owns the store made it.
pub fn read_secret(file: &Path) -> anyhow::Result<PeerSecret> {
    let text = std::fs::read_to_string(file).with_context(|| format!("peers.secret_file {}", file.display()))?;
    anyhow::ensure!(!text.trim().is_empty(), "peers.secret_file {} is empty", file.display());
    Ok(PeerSecret::new(&text))
}

/// The process that has the services. Each is handed in once and comes back as the handle that callers are to use.
pub struct Node {
    secret: PeerSecret,
    loopback: Option<Peer>,
    routes: RoutesBuilder,
    /// For the operator.
    admin: RoutesBuilder,
}

macro_rules! handles {
    ($($(#[$doc:meta])* $method:ident: $service:ident, $serve:ident, $remote:ident;)*) => {$(
        $(#[$doc])*
        pub fn $method(&mut self, service: Arc<dyn $service>) -> Arc<dyn $service> {
            self.routes.add_service($serve::new(service.clone(), self.secret.clone()));
            self.admin.add_service($serve::new(service.clone(), self.secret.clone()));
            match &self.loopback {
                Some(peer) => Arc::new($remote::new(peer.clone())),
                None => service,
            }
        }
    )*};
}

impl Node {
    /// A process that serves them to those who show `secret`, where it listens for them.
    pub fn new(secret: PeerSecret) -> Self {
        Self { secret, loopback: None, routes: RoutesBuilder::default(), admin: RoutesBuilder::default() }
    }

    /// A process that serves them at `listener`, and whose own callers come that way too.
    pub fn loopback(listener: &TcpListener, secret: PeerSecret) -> anyhow::Result<Self> {
        let peer = Peer::new(&format!("http://{}", listener.local_addr()?), secret.clone())?;
        Ok(Self { loopback: Some(peer), ..Self::new(secret) })
    }

    handles! {
        /// Profiles.
        users: Users, ServeUsers, RemoteUsers;
        /// Accounts and sessions.
        auth: Auth, ServeAuth, RemoteAuth;
        /// Conversations.
        conversations: Conversations, ServeConversations, RemoteConversations;
        /// Messages.
        messages: Messages, ServeMessages, RemoteMessages;
        /// Friends.
        contacts: Contacts, ServeContacts, RemoteContacts;
        /// What services tell the gateways.
        events: Events, ServeEvents, RemoteEvents;
    }

    /// What an operator may do. Served on the operator's socket only.
    pub fn operator(&mut self, services: &AdminServices) {
        let secret = &self.secret;
        self.admin.add_service(ServeAccountAdmin::new(services.accounts.clone(), secret.clone()));
        self.admin.add_service(ServeLogAdmin::new(services.log.clone(), secret.clone()));
        self.admin.add_service(ServeStoreAdmin::new(services.store.clone(), secret.clone()));
    }

    /// What is to be served to other processes, and what to the operator.
    pub fn routes(self) -> (Routes, Routes) {
        (self.routes.routes(), self.admin.routes())
    }
}

/// Serves `routes` on `listener` until `shutdown`; then open calls may end. Streams end with the process.
pub async fn serve(listener: TcpListener, routes: Routes, shutdown: CancellationToken) -> anyhow::Result<()> {
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .trace_fn(|request| telemetry::call_span(request.headers(), request.uri().path()))
        .add_routes(routes)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), shutdown.cancelled_owned())
        .await?;
    Ok(())
}
