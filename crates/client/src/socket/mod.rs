//! The WebSocket: [`RawSocket`] is frames and no more; [`Socket`] greets, numbers requests, matches replies and
//! acknowledges pushes.

mod driver;
mod frame;
mod raw;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anser_types::{Clock, ConversationId, MessageId, UserId};
use tokio::{
    sync::{Mutex, Notify, Semaphore, mpsc, oneshot},
    time::timeout,
};

pub use crate::v1::Hello;
use crate::{
    Client, Closed, Error, Result,
    http::text_message,
    v1::{
        HeadsPage, MePage, MoveRead, Presence, Push, ReadMoved, SendAck, SendMessage, StartTyping, SyncConversation,
        SyncConversations, SyncFrom, SyncHeads, SyncMe, SyncPage, SyncPages, WatchPresence, Welcome, reply::Outcome,
        request::Op,
    },
};
use driver::Command;
pub use frame::Encoding;
pub use raw::{Frame, RawSocket};

/// Who acknowledges pushes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AckMode {
    /// The socket does, for what the application has taken with [`Socket::next`].
    #[default]
    Taken,
    /// The application does, with [`Socket::ack`].
    ByHand,
}

/// How to open a [`Socket`].
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// JSON or protobuf.
    pub encoding: Encoding,
    /// Who acknowledges pushes.
    pub acks: AckMode,
    /// How long to wait for a reply before it counts as lost.
    pub timeout: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { encoding: Encoding::Proto, acks: AckMode::Taken, timeout: Duration::from_secs(10) }
    }
}

/// What the server sends without being asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Events, in order.
    Push(Push),
    /// Some were lost: sync from the log.
    SyncRequired(String),
    /// The server is going away: connect again after this time.
    Reconnect(Duration),
    /// The end. Nothing follows.
    Closed(Closed),
}

/// A greeted WebSocket. Calls may be made from several tasks at once; one task takes what comes in.
pub struct Socket {
    welcome: Welcome,
    handle: Handle,
    incoming: Mutex<mpsc::Receiver<Incoming>>,
}

/// The calling half of a [`Socket`], to be cloned into other tasks.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    taken: Arc<Taken>,
    /// As many requests as the server lets be open; more wait here instead of stalling the socket there.
    places: Arc<Semaphore>,
    options: SocketOptions,
    clock: Clock,
}

/// The newest push that the application has taken.
#[derive(Default)]
struct Taken {
    push_no: AtomicU64,
    moved: Notify,
}

impl Socket {
    /// Connects as the client's person and greets, going on from `resume` if there is one.
    pub async fn open(client: &Client, resume: Option<String>, options: SocketOptions) -> Result<Self> {
        let tokens = client.tokens().ok_or_else(|| Error::Protocol("nobody is logged in".into()))?;
        let hello = Hello {
            access_token: tokens.access_token,
            device_id: tokens.device_id,
            resume: resume.unwrap_or_default(),
            ticket: String::new(),
        };
        Self::greet(client.base(), hello, options).await
    }

    /// Connects and sends this greeting.
    pub async fn greet(base: &str, hello: Hello, options: SocketOptions) -> Result<Self> {
        let mut raw = RawSocket::connect(base, options.encoding).await?;
        raw.hello(hello).await?;
        let welcome = timeout(options.timeout, welcome(&mut raw)).await.map_err(|_| Error::Timeout)??;
        Ok(Self::drive(raw, welcome, options))
    }

    fn drive(raw: RawSocket, welcome: Welcome, options: SocketOptions) -> Self {
        let limits = welcome.limits.unwrap_or_default();
        let open = if limits.open_requests == 0 { 64 } else { limits.open_requests as usize };
        // One more push than the server lets be un-acknowledged, and the rare frames beside them: it never fills, so
        // a task that waits for a reply is not held up by one that reads slowly.
        let window = if limits.unacked_pushes == 0 { 256 } else { limits.unacked_pushes as usize } + 16;
        let (commands, command_queue) = mpsc::channel(open);
        let (incoming_in, incoming) = mpsc::channel(window);
        let taken = Arc::new(Taken::default());
        tokio::spawn(driver::drive(raw, command_queue, incoming_in, Arc::clone(&taken)));
        let places = Arc::new(Semaphore::new(open));
        let handle = Handle { commands, taken, places, options, clock: Clock::system() };
        Self { welcome, handle, incoming: Mutex::new(incoming) }
    }

    /// What the server said first.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The calling half, for other tasks.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What the server sends next. After [`Incoming::Closed`] it answers that again and again.
    pub async fn next(&self) -> Incoming {
        let mut incoming = self.incoming.lock().await;
        let Some(item) = incoming.recv().await else {
            return Incoming::Closed(Closed { code: None, reason: "closed before".into() });
        };
        if let Incoming::Push(push) = &item
            && self.handle.options.acks == AckMode::Taken
        {
            self.handle.taken.push_no.fetch_max(push.push_no, Ordering::Relaxed);
            self.handle.taken.moved.notify_one();
        }
        item
    }
}

impl std::ops::Deref for Socket {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

async fn welcome(raw: &mut RawSocket) -> Result<Welcome> {
    match raw.next().await? {
        Frame::Welcome(welcome) => Ok(welcome),
        other => Err(Error::Protocol(format!("a greeting was answered by {other:?}"))),
    }
}

impl Handle {
    /// Sends one text under a new key.
    pub async fn send_text(&self, conversation: ConversationId, text: &str) -> Result<SendAck> {
        self.send(text_message(conversation, MessageId::new(&self.clock), text)).await
    }

    /// Sends one message. The same message again gets the same answer.
    pub async fn send(&self, message: SendMessage) -> Result<SendAck> {
        match self.request(Op::Send(message)).await? {
            Outcome::Send(ack) => Ok(ack),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends several messages in one flush; the outcomes come in the same order.
    pub async fn send_all(&self, messages: Vec<SendMessage>) -> Vec<Result<SendAck>> {
        let waiting: Vec<_> = messages.into_iter().map(|message| self.send(message)).collect();
        futures_util::future::join_all(waiting).await
    }

    /// The conversations whose heads moved since `token`.
    pub async fn sync_heads(&self, token: &str, limit: u32) -> Result<HeadsPage> {
        match self.request(Op::SyncHeads(SyncHeads { token: token.to_owned(), limit })).await? {
            Outcome::SyncHeads(page) => Ok(page),
            other => Err(unexpected(&other)),
        }
    }

    /// The entries of one conversation after a seq.
    pub async fn sync_conversation(
        &self,
        conversation: ConversationId,
        after_seq: i64,
        limit: u32,
    ) -> Result<SyncPage> {
        let from = SyncConversation { conversation_id: conversation.to_vec(), after_seq, limit };
        match self.request(Op::SyncConversation(from)).await? {
            Outcome::SyncConversation(page) => Ok(page),
            other => Err(unexpected(&other)),
        }
    }

    /// The same for several conversations at once.
    pub async fn sync_conversations(&self, from: &[(ConversationId, i64)]) -> Result<SyncPages> {
        let item = |&(id, after_seq): &(ConversationId, i64)| SyncFrom { conversation_id: id.to_vec(), after_seq };
        let items = from.iter().map(item).collect();
        match self.request(Op::SyncConversations(SyncConversations { items })).await? {
            Outcome::SyncConversations(pages) => Ok(pages),
            other => Err(unexpected(&other)),
        }
    }

    /// What moved about the caller's profile, friends and requests since `token`.
    pub async fn sync_me(&self, token: &str) -> Result<MePage> {
        match self.request(Op::SyncMe(SyncMe { token: token.to_owned() })).await? {
            Outcome::SyncMe(page) => Ok(*page),
            other => Err(unexpected(&other)),
        }
    }

    /// Tells who is online in a conversation that the caller writes there.
    pub async fn typing(&self, conversation: ConversationId) -> Result<()> {
        match self.request(Op::Typing(StartTyping { conversation_id: conversation.to_vec() })).await? {
            Outcome::Typing(_) => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Watches whether these friends are online, instead of those before; answers how it stands with those of them who
    /// let it be seen.
    pub async fn watch_presence(&self, users: &[UserId]) -> Result<Vec<Presence>> {
        let watch = WatchPresence { user_ids: users.iter().map(|user| user.to_vec()).collect() };
        match self.request(Op::WatchPresence(watch)).await? {
            Outcome::WatchPresence(presences) => Ok(presences.items),
            other => Err(unexpected(&other)),
        }
    }

    /// Moves the caller's read cursor forward.
    pub async fn mark_read(&self, conversation: ConversationId, read_seq: i64) -> Result<ReadMoved> {
        match self.request(Op::Read(MoveRead { conversation_id: conversation.to_vec(), read_seq })).await? {
            Outcome::Read(moved) => Ok(moved),
            other => Err(unexpected(&other)),
        }
    }

    /// Any request, and its outcome; an error outcome is an error.
    pub async fn request(&self, op: Op) -> Result<Outcome> {
        self.request_within(op, 0).await
    }

    /// The same with a deadline that the server is told; 0: its own.
    pub async fn request_within(&self, op: Op, deadline_ms: u32) -> Result<Outcome> {
        let _place = self.places.acquire().await.map_err(|_| gone())?;
        let (answer, outcome) = oneshot::channel();
        self.commands.send(Command::Request { op: Box::new(op), deadline_ms, answer }).await.map_err(|_| gone())?;
        match timeout(self.options.timeout, outcome).await {
            Ok(Ok(Ok(Outcome::Error(problem)))) => Err(problem.into()),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(Error::Timeout),
        }
    }

    /// Acknowledges all pushes up to a number ([`AckMode::ByHand`]).
    pub async fn ack(&self, push_no: u64) -> Result<()> {
        self.commands.send(Command::Ack(push_no)).await.map_err(|_| gone())
    }

    /// Asks for the resume point as it is now.
    pub async fn ping(&self) -> Result<String> {
        let (answer, pong) = oneshot::channel();
        self.commands.send(Command::Ping(answer)).await.map_err(|_| gone())?;
        match timeout(self.options.timeout, pong).await {
            Ok(Ok(resume)) => Ok(resume),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(Error::Timeout),
        }
    }

    /// Says goodbye properly.
    pub async fn close(&self) {
        let _ = self.commands.send(Command::Close).await;
    }

    /// Drops the connection without a word, as a network does.
    pub async fn cut(&self) {
        let _ = self.commands.send(Command::Cut).await;
    }
}

fn gone() -> Error {
    Error::Closed(Closed { code: None, reason: "the connection is gone".into() })
}

fn unexpected(outcome: &Outcome) -> Error {
    Error::Protocol(format!("a reply of another kind: {outcome:?}"))
}
