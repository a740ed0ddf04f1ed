//! What can be set about the gateway, and the services it stands in front of. Both halves (HTTP and WebSocket) use it.

use std::{sync::Arc, time::Duration};

use anser_contract::v1::{
    Auth, Contacts, Conversations, Events, Files, Journal, Limits, Messages, OpaqueSessions, Phones, Search, Speech,
    Users,
};

use crate::{forwarded::Network, listener::Pace, rates::Allowances, ws::codec::Bounds};

/// The services behind the gateway, local or remote.
#[derive(Clone)]
pub struct GatewayServices {
    /// Profiles.
    pub users: Arc<dyn Users>,
    /// Accounts, sessions and tokens.
    pub auth: Arc<dyn Auth>,
    /// Accounts by phone number.
    pub phones: Arc<dyn Phones>,
    /// Sessions with one opaque token.
    pub opaque: Arc<dyn OpaqueSessions>,
    /// Friends and their requests.
    pub contacts: Arc<dyn Contacts>,
    /// Conversations and their members.
    pub conversations: Arc<dyn Conversations>,
    /// The log.
    pub messages: Arc<dyn Messages>,
    /// Uploads and files.
    pub files: Arc<dyn Files>,
    /// The log, for those who derive something from it.
    pub journal: Arc<dyn Journal>,
    /// The words in voice messages.
    pub speech: Arc<dyn Speech>,
    /// What services tell the gateways.
    pub events: Arc<dyn Events>,
    /// Finding messages and people.
    pub search: Arc<dyn Search>,
}

/// Everything about the gateway that can be set.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// This gateway's name among the gateways of an installation.
    pub name: String,
    /// The limits that a client is told in `welcome`; those of the WebSocket are also enforced from here.
    pub limits: Limits,
    /// Origins whose pages may call and connect besides the server's own, as `https://chat.example.com`; `*`: all.
    pub allowed_origins: Vec<String>,
    /// The proxies in front of us, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How often people may ask.
    pub allowances: Allowances,
    /// How bodies of requests are taken in.
    pub intake: Intake,
    /// How files go through.
    pub transfers: TransferLimits,
    /// The largest recording that is taken to be put into words, in bytes.
    pub recording_bytes: usize,
    /// How many sockets one session may hold; one more closes the oldest.
    pub sockets_per_session: usize,
    /// How many sockets this node takes; more are answered 503.
    pub max_connections: usize,
    /// How many WebSocket handshakes a second this node takes; more are answered 503.
    pub handshakes_per_second: u32,
    /// The largest first frame, in bytes.
    pub hello_bytes: u32,
    /// How many fragments one message may come in.
    pub fragments: u32,
    /// How many pings a client may send a second, on average.
    pub pings_per_second: u32,
    /// How many events may wait behind a full push window before they are replaced by `sync_required`.
    pub queued_events: usize,
    /// How many bytes of events may wait behind a full push window before they are replaced by `sync_required`.
    pub queued_bytes: usize,
    /// The deadlines and pauses of a connection.
    pub timings: Timings,
}

/// The deadlines and pauses of a connection and of the streams behind it.
#[derive(Clone, Debug)]
pub struct Timings {
    /// How long a new connection may take for its first frame.
    pub hello: Duration,
    /// After how much silence the server pings.
    pub ping_after: Duration,
    /// After how much silence a peer counts as dead.
    pub dead_after: Duration,
    /// How long a client may stay behind after its queue overflowed.
    pub slow_grace: Duration,
    /// How long the server waits for the client's half of a close.
    pub close_grace: Duration,
    /// A request's time where it names none, and the most that it may ask for.
    pub request: Duration,
    /// See [`Timings::request`].
    pub request_max: Duration,
    /// How often deadlines of connections are looked at.
    pub sweep: Duration,
    /// After how much silence a stream from messaging or of events counts as broken.
    pub beacon: Duration,
    /// The first and the longest pause before such a stream is opened again.
    pub reconnect_first: Duration,
    /// See [`Timings::reconnect_first`].
    pub reconnect_most: Duration,
    /// How long a new connection waits for its user to be attached to the stream of hints.
    pub attach: Duration,
    /// How long the end of a session is remembered: longer than an access token lives.
    pub remember_ended: Duration,
}

/// How files go through the gateway.
#[derive(Clone, Copy, Debug)]
pub struct TransferLimits {
    /// Uploads and downloads at a time. Each holds at most a megabyte.
    pub at_once: usize,
    /// The same of one person.
    pub at_once_a_user: usize,
    /// The largest picture of which a face is made, in bytes.
    pub avatar_bytes: usize,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self { at_once: 256, at_once_a_user: 16, avatar_bytes: 10 << 20 }
    }
}

/// How bodies of requests are taken in.
#[derive(Clone, Copy, Debug)]
pub struct Intake {
    /// The largest body of a request that anybody may make, in bytes. What a person may send is among the limits.
    pub anonymous_bytes: usize,
    /// How long a body may take.
    pub whole: Duration,
    /// The pace at which it has to come.
    pub pace: Pace,
}

impl Default for Intake {
    fn default() -> Self {
        Self { anonymous_bytes: 16 << 10, whole: Duration::from_secs(30), pace: Pace::default() }
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(5),
            ping_after: Duration::from_secs(30),
            dead_after: Duration::from_secs(70),
            slow_grace: Duration::from_secs(15),
            close_grace: Duration::from_secs(2),
            request: Duration::from_secs(5),
            request_max: Duration::from_secs(30),
            sweep: Duration::from_millis(500),
            beacon: Duration::from_secs(2),
            reconnect_first: Duration::from_millis(50),
            reconnect_most: Duration::from_secs(1),
            attach: Duration::from_secs(2),
            remember_ended: Duration::from_secs(660),
        }
    }
}

impl GatewayOptions {
    /// What a message of a client that is signed in may be.
    pub fn bounds(&self) -> Bounds {
        Bounds { bytes: self.limits.frame_bytes, fragments: self.fragments }
    }
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            name: "gateway".into(),
            limits: default_limits(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            allowances: Allowances::default(),
            intake: Intake::default(),
            transfers: TransferLimits::default(),
            recording_bytes: 10 << 20,
            sockets_per_session: 4,
            max_connections: 50_000,
            handshakes_per_second: 4_000,
            hello_bytes: 4 << 10,
            fragments: 1_024,
            pings_per_second: 10,
            queued_events: 1_024,
            queued_bytes: 256 << 10,
            timings: Timings::default(),
        }
    }
}

/// The limits of the product as it ships.
pub fn default_limits() -> Limits {
    Limits {
        body_bytes: 64 << 10,
        frame_bytes: 256 << 10,
        json_request_bytes: 1 << 20,
        open_requests: 64,
        unacked_pushes: 256,
        unacked_push_bytes: 256 << 10,
        sends_per_second: 10,
        send_burst: 50,
        friends: 2_000,
        conversations: 1_000,
        group_members: 10_000,
        invite_batch: 500,
        sync_entries: 256,
        sync_bytes: 256 << 10,
    }
}
