//! The first frame: who is there, and from where to go on.
//!
//! A returning client gets what it missed without a gap or a repeat: its socket comes into the hub first and holds what
//! arrives; then its user's hints are known to come; then the log is read up to a position; then the missed entries go
//! out, and of what was held only what is newer.

use std::{sync::Arc, time::Duration};

use anser_contract::{
    Context,
    v1::{
        Hello, RedeemTicketRequest, ResumeReply, ResumeRequest, SyncContactsRequest, SyncProfileRequest,
        SyncSettingsRequest, Welcome, event,
    },
};
use anser_types::{Code, ConversationId, Error, Id, Result, SessionId, UserId, base32};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    close::Close,
    codec::{Bounds, Decoder, Message, Opcode, put_close, put_frame},
    outbox::Replay,
    session::Connection,
    socket::Socket,
    stream::WireStream,
    writer::Writer,
};
use crate::{
    frames::{About, Block, Encoding, Inbound, read},
    hub::{Attachment, blocks, told},
    identity::Identity,
    listener::places::Place,
    resume::{MeVersions, ResumePoint},
    state::Gateway,
};

/// How many frames a stranger may send before saying who they are.
const FRAMES: u32 = 16;
/// How long the peer may take to end its half after it was refused.
const REFUSAL: Duration = Duration::from_secs(1);

/// Reads the first frame and welcomes the connection, or refuses it and ends the stream.
pub(super) async fn greet(
    gateway: Arc<Gateway>,
    mut stream: WireStream,
    read: Vec<u8>,
    encoding: Encoding,
    place: Option<Arc<Place>>,
) -> Option<Connection> {
    let mut door = Door {
        decoder: Decoder::new(Bounds { bytes: gateway.options.hello_bytes, fragments: FRAMES }),
        encoding,
        unread: read,
        frames: 0,
    };
    let hello = match timeout(gateway.options.timings.hello, door.hello(&mut stream)).await {
        Ok(Ok(Some(hello))) => hello,
        Ok(Ok(None)) => return None,
        Ok(Err(close)) => return refuse(stream, close).await,
        Err(_) => return refuse(stream, Close::LATE).await,
    };
    let entered = match identify(&gateway, &hello).await {
        Ok(identity) => enter(&gateway, &identity, encoding, &hello).await,
        Err(error) => Err(error),
    };
    let socket = match entered {
        Ok(socket) => socket,
        Err(error) => return refuse(stream, close_for(&error)).await,
    };
    door.decoder.set_bounds(gateway.options.bounds());
    Some(Connection {
        gateway,
        socket,
        stream,
        decoder: door.decoder,
        writer: Writer::default(),
        backlog: door.unread,
        sends: Vec::new(),
        peer_closed: false,
        _place: place,
    })
}

/// A connection before its first frame.
struct Door {
    decoder: Decoder,
    encoding: Encoding,
    /// Bytes that were read and not looked at.
    unread: Vec<u8>,
    /// Frames that said nothing.
    frames: u32,
}

impl Door {
    /// The first frame; `None`: the peer went away.
    async fn hello(&mut self, stream: &mut WireStream) -> Result<Option<Hello>, Close> {
        loop {
            let mut bytes = std::mem::take(&mut self.unread);
            if bytes.is_empty() {
                bytes.resize(1 << 10, 0);
                match stream.read(&mut bytes).await {
                    Ok(length) if length > 0 => bytes.truncate(length),
                    _ => return Ok(None),
                }
            }
            let mut rest = &mut bytes[..];
            let mut pong = Vec::new();
            while let Some(message) = self.decoder.next(&mut rest)? {
                self.frames += 1;
                if self.frames > FRAMES {
                    return Err(Close::TOO_MUCH);
                }
                let payload = match (message, self.encoding) {
                    (Message::Text(text), Encoding::Json) => text.as_bytes(),
                    (Message::Binary(bytes), Encoding::Proto) => bytes,
                    (Message::Ping(payload), _) => {
                        put_frame(&mut pong, Opcode::Pong, payload);
                        continue;
                    }
                    (Message::Pong, _) => continue,
                    (Message::Close(_), _) => return Err(Close::NORMAL),
                    _ => return Err(Close::BAD_FRAME),
                };
                let Ok(Inbound::Hello(hello)) = read(self.encoding, payload) else { return Err(Close::BAD_FRAME) };
                self.unread = rest.to_vec();
                return Ok(Some(hello));
            }
            if !pong.is_empty() && (stream.write_all(&pong).await.is_err() || stream.flush().await.is_err()) {
                return Ok(None);
            }
        }
    }
}

fn close_for(error: &Error) -> Close {
    match error.code {
        _ if error.retryable() => Close::TRY_LATER,
        Code::Internal => Close::TRY_LATER,
        _ => Close::UNAUTHENTICATED,
    }
}

async fn refuse(mut stream: WireStream, close: Close) -> Option<Connection> {
    metrics::counter!("anser_gateway_greetings_refused_total", "code" => close.code.to_string()).increment(1);
    let goodbye = async {
        let mut wire = Vec::new();
        put_close(&mut wire, close.code, close.reason);
        stream.write_all(&wire).await?;
        stream.shutdown().await?;
        // Reading to the end keeps what was sent from being torn down with the stream.
        let mut rest = [0; 256];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _either_way = timeout(REFUSAL, goodbye).await;
    None
}

async fn identify(gateway: &Gateway, hello: &Hello) -> Result<Identity> {
    if hello.ticket.is_empty() {
        return gateway.identities.verify(&hello.access_token).await;
    }
    let request = RedeemTicketRequest { ticket: hello.ticket.clone() };
    let claims = gateway.services.auth.redeem_ticket(&Context::service(), request).await?;
    let identity = Identity {
        user: UserId::try_from(&claims.user_id[..])?,
        session: SessionId::try_from(&claims.session_id[..])?,
        device_id: claims.device_id,
    };
    gateway.identities.require_living(identity.session)?;
    Ok(identity)
}

/// Brings the connection into the hub, finds what it missed and lets its queue go.
async fn enter(gateway: &Arc<Gateway>, identity: &Identity, encoding: Encoding, hello: &Hello) -> Result<Arc<Socket>> {
    if gateway.draining() {
        return Err(Error::unavailable("the server is going down"));
    }
    let arrival = gateway.enter(identity, encoding);
    let guest = Guest { gateway, socket: arrival.socket.clone(), stays: false };
    if let Some(replaced) = arrival.replaced {
        replaced.close(Close::REPLACED, gateway.now_ms());
    }
    // Its session may have ended while it was on its way in.
    gateway.identities.require_living(identity.session)?;
    let base = match arrival.attached {
        Attachment::At(position) => position,
        Attachment::Soon(attached) => timeout(gateway.options.timings.attach, attached)
            .await
            .map_err(|_| Error::unavailable("messaging is away"))?
            .map_err(|_| Error::unavailable("messaging is away"))?,
    };
    let mut ctx = Context::new(identity.actor(), Id::new(&gateway.clock).to_string());
    ctx.deadline = tokio::time::Instant::now() + gateway.options.timings.request;
    let known = ResumePoint::parse(&hello.resume).filter(|point| point.store == gateway.store());
    let since = known.map(|point| point.me).unwrap_or_default();
    let (missed, me) =
        futures_util::future::join(missed(gateway, identity.user, known), me(gateway, &ctx, since)).await;
    let missed = missed?;
    let sync_reason = match &missed {
        Missed::Nothing if hello.resume.is_empty() => None,
        Missed::Nothing => Some("the resume point is not of this store"),
        Missed::TooMuch => Some("too much was missed"),
        Missed::Replay(_) => None,
    };
    let (floor, replay) = match missed {
        // What was told up to here is the replay's; a client that comes without a point begins here.
        Missed::Replay(replay) => (replay.after, Some(replay)),
        _ => (base, None),
    };
    // A client that begins anew has to ask anyway, so it holds what is known now only after it has asked.
    let held = if replay.is_some() { since } else { me.now };
    let point = ResumePoint { store: gateway.store(), position: floor, me: held };
    guest.socket.release(
        floor,
        held,
        replay,
        |resumed| {
            Box::new(Welcome {
                user_id: identity.user.to_vec(),
                session_id: identity.session.to_vec(),
                resume: point.to_text(),
                limits: Some(gateway.options.limits),
                resumed,
                me_changed: me.changed,
                server_ts: gateway.clock.now(),
                store: base32::encode(&point.store.bytes()),
            })
        },
        sync_reason,
    );
    gateway.meters.opened.increment(1);
    Ok(guest.stay())
}

/// Takes the socket out of the hub again unless it comes to a welcome.
struct Guest<'g> {
    gateway: &'g Gateway,
    socket: Arc<Socket>,
    stays: bool,
}

impl Guest<'_> {
    fn stay(mut self) -> Arc<Socket> {
        self.stays = true;
        self.socket.clone()
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if !self.stays {
            self.gateway.left(&self.socket);
        }
    }
}

enum Missed {
    /// There is no point to go on from.
    Nothing,
    TooMuch,
    Replay(Replay),
}

async fn missed(gateway: &Gateway, user: UserId, known: Option<ResumePoint>) -> Result<Missed> {
    let Some(known) = known else { return Ok(Missed::Nothing) };
    let request = ResumeRequest { user_id: user.to_vec(), after_position: known.position };
    let mut ctx = Context::service();
    ctx.deadline = tokio::time::Instant::now() + gateway.options.timings.request;
    let reply = gateway.services.messages.resume(&ctx, request).await?;
    if reply.sync_required {
        return Ok(Missed::TooMuch);
    }
    let (after, through) = (known.position, reply.through_position);
    Ok(Missed::Replay(Replay { after, through, blocks: replay_blocks(reply) }))
}

fn replay_blocks(reply: ResumeReply) -> Vec<Arc<Block>> {
    let one = |event, about| Arc::new(Block::one(event, about));
    let mut out: Vec<Arc<Block>> =
        reply.joined.into_iter().map(|joined| one(event::Event::ConversationJoined(joined), About::Other)).collect();
    let mut entries = reply.entries.into_iter().peekable();
    while let Some(first) = entries.next() {
        let id = first.conversation_id.clone();
        let mut run = vec![told(first, &reply.targets)];
        while let Some(entry) = entries.next_if(|entry| entry.conversation_id == id) {
            run.push(told(entry, &reply.targets));
        }
        if let Ok(conversation) = ConversationId::try_from(&id[..]) {
            out.extend(blocks(conversation, true, run.into_iter()));
        }
    }
    for read in reply.reads {
        let seq = read.read_seq;
        let about = ConversationId::try_from(&read.conversation_id[..])
            .map_or(About::Other, |conversation| About::Read { conversation, seq });
        out.push(one(event::Event::Read(read), about));
    }
    out
}

struct Me {
    changed: bool,
    /// The versions as they stand, as far as they could be found.
    now: MeVersions,
}

/// Whether something about the user moved since the versions the client holds. Not known counts as moved.
async fn me(gateway: &Gateway, ctx: &Context, since: MeVersions) -> Me {
    let services = &gateway.services;
    let profile =
        services.users.sync_profile(ctx, SyncProfileRequest { since: since.profile.unwrap_or_default() }).await;
    let profile = profile.ok().map(|reply| reply.version);
    let contacts = match since.contacts {
        Some(since) => services.contacts.sync_contacts(ctx, SyncContactsRequest { since }).await.ok(),
        None => None,
    };
    let contacts = contacts.filter(|reply| !reply.has_more).map(|reply| reply.version);
    let settings = match since.settings {
        Some(since) => services.conversations.sync_settings(ctx, SyncSettingsRequest { since }).await.ok(),
        None => None,
    };
    let settings = settings.filter(|reply| !reply.has_more).map(|reply| reply.version);
    let moved = |since: Option<i64>, now: Option<i64>| since.is_none() || since != now;
    let changed = moved(since.profile, profile) || moved(since.contacts, contacts) || moved(since.settings, settings);
    Me { changed, now: MeVersions { contacts, profile, settings } }
}
