//! Frames of the client protocol in bytes, in both encodings, and events that are encoded once for all who get them.
//!
//! A push frame is put together from a small head and events that were encoded before, so that an event for a
//! thousand connections costs one encoding and a thousand copies.

use std::{io::Write as _, sync::OnceLock};

use anser_contract::v1::{Ack, ClientFrame, Event, Hello, ServerFrame, client_frame, event, request};
use anser_types::{ConversationId, Error, UserId};
use bytes::Bytes;
use prost::Message as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use crate::ws::codec::{Opcode, put_frame, put_header};

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Sub-protocol `anser.v1.json`, text messages.
    Json,
    /// Sub-protocol `anser.v1.proto`, binary messages.
    Proto,
}

impl Encoding {
    /// The sub-protocol that stands for it.
    pub fn protocol(self) -> &'static str {
        match self {
            Encoding::Json => "anser.v1.json",
            Encoding::Proto => "anser.v1.proto",
        }
    }

    fn opcode(self) -> Opcode {
        match self {
            Encoding::Json => Opcode::Text,
            Encoding::Proto => Opcode::Binary,
        }
    }
}

/// What a client said.
#[derive(Debug)]
pub enum Inbound {
    /// Who is here.
    Hello(Hello),
    /// A request; its operation may be unknown or malformed while the frame is not.
    Request {
        /// The client's name for it.
        id: u32,
        /// How long the client waits; zero: it does not say.
        deadline_ms: u32,
        /// What is wanted.
        op: Result<request::Op, Error>,
    },
    /// Pushes up to this number have been taken.
    Ack(u64),
    /// Asks for a resume point.
    Ping,
    /// A frame of a later version.
    Unknown,
}

/// A frame that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFrame;

/// Reads a client's frame.
pub fn read(encoding: Encoding, payload: &[u8]) -> Result<Inbound, BadFrame> {
    match encoding {
        Encoding::Proto => read_proto(payload),
        Encoding::Json => read_json(payload),
    }
}

fn read_proto(payload: &[u8]) -> Result<Inbound, BadFrame> {
    let frame = ClientFrame::decode(payload).map_err(|_| BadFrame)?;
    Ok(match frame.frame {
        Some(client_frame::Frame::Hello(hello)) => Inbound::Hello(hello),
        Some(client_frame::Frame::Request(request)) => Inbound::Request {
            id: request.id,
            deadline_ms: request.deadline_ms,
            op: request.op.ok_or_else(unsupported),
        },
        Some(client_frame::Frame::Ack(ack)) => Inbound::Ack(ack.push_no),
        Some(client_frame::Frame::Ping(_)) => Inbound::Ping,
        None => Inbound::Unknown,
    })
}

/// The messages' own JSON form answers a malformed operation as if it were unknown, and copies everything once more;
/// so the two outer levels are read here, and only the operation itself by its own type.
#[derive(Deserialize)]
struct JsonFrame<'a> {
    hello: Option<Hello>,
    #[serde(borrow)]
    request: Option<JsonRequest<'a>>,
    ack: Option<Ack>,
    ping: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct JsonRequest<'a> {
    id: u32,
    #[serde(default)]
    deadline_ms: u32,
    #[serde(borrow)]
    send: Option<&'a RawValue>,
    #[serde(borrow)]
    sync_heads: Option<&'a RawValue>,
    #[serde(borrow)]
    sync_conversation: Option<&'a RawValue>,
    #[serde(borrow)]
    sync_conversations: Option<&'a RawValue>,
    #[serde(borrow)]
    sync_me: Option<&'a RawValue>,
    #[serde(borrow)]
    read: Option<&'a RawValue>,
    #[serde(borrow)]
    edit: Option<&'a RawValue>,
    #[serde(borrow)]
    recall: Option<&'a RawValue>,
    #[serde(borrow)]
    react: Option<&'a RawValue>,
    #[serde(borrow)]
    typing: Option<&'a RawValue>,
    #[serde(borrow)]
    watch_presence: Option<&'a RawValue>,
}

fn read_json(payload: &[u8]) -> Result<Inbound, BadFrame> {
    let frame: JsonFrame<'_> = serde_json::from_slice(payload).map_err(|_| BadFrame)?;
    if let Some(request) = frame.request {
        let (id, deadline_ms) = (request.id, request.deadline_ms);
        return Ok(Inbound::Request { id, deadline_ms, op: request.op() });
    }
    Ok(match frame {
        JsonFrame { hello: Some(hello), .. } => Inbound::Hello(hello),
        JsonFrame { ack: Some(ack), .. } => Inbound::Ack(ack.push_no),
        JsonFrame { ping: Some(_), .. } => Inbound::Ping,
        _ => Inbound::Unknown,
    })
}

impl JsonRequest<'_> {
    fn op(&self) -> Result<request::Op, Error> {
        use request::Op;
        fn parse<T: for<'de> Deserialize<'de>>(raw: &RawValue, op: fn(T) -> Op) -> Result<Op, Error> {
            serde_json::from_str(raw.get()).map(op).map_err(|error| Error::invalid(error.to_string()))
        }
        match self {
            JsonRequest { send: Some(raw), .. } => parse(raw, Op::Send),
            JsonRequest { sync_heads: Some(raw), .. } => parse(raw, Op::SyncHeads),
            JsonRequest { sync_conversation: Some(raw), .. } => parse(raw, Op::SyncConversation),
            JsonRequest { sync_conversations: Some(raw), .. } => parse(raw, Op::SyncConversations),
            JsonRequest { sync_me: Some(raw), .. } => parse(raw, Op::SyncMe),
            JsonRequest { read: Some(raw), .. } => parse(raw, Op::Read),
            JsonRequest { edit: Some(raw), .. } => parse(raw, Op::Edit),
            JsonRequest { recall: Some(raw), .. } => parse(raw, Op::Recall),
            JsonRequest { react: Some(raw), .. } => parse(raw, Op::React),
            JsonRequest { typing: Some(raw), .. } => parse(raw, Op::Typing),
            JsonRequest { watch_presence: Some(raw), .. } => parse(raw, Op::WatchPresence),
            _ => Err(unsupported()),
        }
    }
}

fn unsupported() -> Error {
    Error::new(anser_types::Code::Unsupported, "this server does not know the operation")
}

/// Writes a server's frame, WebSocket header included.
pub fn put(out: &mut Vec<u8>, encoding: Encoding, frame: &ServerFrame) {
    match encoding {
        Encoding::Proto => {
            put_header(out, encoding.opcode(), frame.encoded_len());
            frame.encode(out).expect("a vector takes everything");
        }
        Encoding::Json => {
            let json = serde_json::to_vec(frame).expect("frames are plain JSON");
            put_frame(out, encoding.opcode(), &json);
        }
    }
}

/// Events that the same connections get together, encoded at most once in each encoding.
#[derive(Debug)]
pub struct Block {
    events: Vec<Event>,
    about: About,
    size: usize,
    /// Whether it is noted who has got it.
    receipts: bool,
    json: OnceLock<Bytes>,
    proto: OnceLock<Bytes>,
    adapted: OnceCell<Vec<Adapted>>,
}

/// What an adapter makes of an entry, once for all its connections.
#[derive(Debug)]
pub struct Adapted {
    /// Whose it is.
    pub sender: Vec<u8>,
    /// The sender's key for it.
    pub key: Vec<u8>,
    /// What its connections are told.
    pub frame: Bytes,
}

/// What a block is about, as far as a queue must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Entries of one conversation without a gap.
    Entries {
        /// Which conversation.
        conversation: ConversationId,
        /// The first one's seq.
        first: i64,
        /// The last one's seq.
        last: i64,
    },
    /// A read cursor; a later one of the same conversation replaces it.
    Read {
        /// Whose conversation.
        conversation: ConversationId,
        /// Where it stands.
        seq: i64,
    },
    /// The user's contacts, which stand at this version with it.
    Contacts(i64),
    /// What the user set about conversations, which stands at this version with it.
    Settings(i64),
    /// The user's own profile, which stands at this version with it.
    Profile(i64),
    /// What nobody misses: the first to be left out.
    Ephemeral,
    /// Anything else.
    Other,
}

impl Block {
    /// A block of `events`, in order.
    pub fn new(events: Vec<Event>, about: About) -> Self {
        let size = events.iter().map(Self::size_of).sum();
        let (json, proto, adapted) = (OnceLock::new(), OnceLock::new(), OnceCell::new());
        Self { events, about, size, receipts: false, json, proto, adapted }
    }

    /// Its events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What the adapter makes of its entries; made by the first connection that asks.
    pub async fn adapted(&self, make: impl Future<Output = Vec<Adapted>>) -> &[Adapted] {
        self.adapted.get_or_init(|| make).await
    }

    /// The same, of which it is noted who has got it, or is not.
    pub fn with_receipts(self, receipts: bool) -> Self {
        Self { receipts, ..self }
    }

    /// The last message for `user` in it, where it is to be noted that they have it.
    pub fn delivers_to(&self, user: UserId) -> Option<(ConversationId, i64)> {
        let About::Entries { conversation, .. } = self.about else { return None };
        let theirs = |event: &Event| match &event.event {
            Some(event::Event::Entry(entry)) if entry.countable && entry.sender_id != user.as_bytes() => {
                Some(entry.seq)
            }
            _ => None,
        };
        let seq = self.events.iter().rev().filter(|_| self.receipts).find_map(theirs)?;
        Some((conversation, seq))
    }

    /// About how many bytes an event has inside a push.
    pub fn size_of(event: &Event) -> usize {
        event.encoded_len() + 4
    }

    /// A block of one event.
    pub fn one(event: event::Event, about: About) -> Self {
        Self::new(vec![event.into()], about)
    }

    /// What it is about.
    pub fn about(&self) -> About {
        self.about
    }

    /// How many events it has.
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// About how many bytes it has in either encoding.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The same without the entries up to `seq`; `None` if nothing is left.
    pub fn after(&self, seq: i64) -> Option<Block> {
        let About::Entries { conversation, last, .. } = self.about else { return None };
        let seq_of = |event: &Event| match &event.event {
            Some(event::Event::Entry(entry)) => entry.seq,
            Some(event::Event::OwnEntry(entry)) => entry.seq,
            _ => 0,
        };
        let events: Vec<Event> = self.events.iter().filter(|event| seq_of(event) > seq).cloned().collect();
        let first = seq_of(events.first()?);
        Some(Block::new(events, About::Entries { conversation, first, last }).with_receipts(self.receipts))
    }

    /// The events as they stand inside a push frame.
    pub fn bytes(&self, encoding: Encoding) -> &Bytes {
        match encoding {
            Encoding::Json => self.json.get_or_init(|| self.json()),
            Encoding::Proto => self.proto.get_or_init(|| self.proto()),
        }
    }

    fn json(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.size * 3 / 2);
        for event in &self.events {
            if !out.is_empty() {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, event).expect("events are plain JSON");
        }
        out.into()
    }

    fn proto(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.size);
        for event in &self.events {
            out.push(EVENTS_TAG);
            event.encode_length_delimited(&mut out).expect("a vector takes everything");
        }
        out.into()
    }
}

/// `ServerFrame.push`, `Push.push_no`, `Push.resume`, `Push.events`: field number and wire type.
const PUSH_TAG: u8 = 3 << 3 | 2;
const PUSH_NO_TAG: u8 = 1 << 3;
const RESUME_TAG: u8 = 2 << 3 | 2;
const EVENTS_TAG: u8 = 3 << 3 | 2;

/// Writes a push frame of encoded events, WebSocket header included. Answers the size of its payload.
pub fn put_push(out: &mut Vec<u8>, encoding: Encoding, push_no: u64, resume: &str, events: &[Bytes]) -> usize {
    match encoding {
        Encoding::Proto => put_push_proto(out, push_no, resume, events),
        Encoding::Json => put_push_json(out, push_no, resume, events),
    }
}

fn put_push_proto(out: &mut Vec<u8>, push_no: u64, resume: &str, events: &[Bytes]) -> usize {
    use prost::encoding::{encode_varint, encoded_len_varint};
    let events_length: usize = events.iter().map(Bytes::len).sum();
    let resume_length = 1 + encoded_len_varint(resume.len() as u64) + resume.len();
    let push_length = 1 + encoded_len_varint(push_no) + resume_length + events_length;
    let payload = 1 + encoded_len_varint(push_length as u64) + push_length;
    put_header(out, Opcode::Binary, payload);
    out.push(PUSH_TAG);
    encode_varint(push_length as u64, out);
    out.push(PUSH_NO_TAG);
    encode_varint(push_no, out);
    out.push(RESUME_TAG);
    encode_varint(resume.len() as u64, out);
    out.extend_from_slice(resume.as_bytes());
    events.iter().for_each(|events| out.extend_from_slice(events));
    payload
}

fn put_push_json(out: &mut Vec<u8>, push_no: u64, resume: &str, events: &[Bytes]) -> usize {
    const OPEN: &str = r#"{"push":{"push_no":"#;
    const RESUME: &str = r#","resume":""#;
    const EVENTS: &str = r#"","events":["#;
    const CLOSE: &str = "]}}";
    let digits = push_no.checked_ilog10().unwrap_or(0) as usize + 1;
    let commas = events.len().saturating_sub(1);
    let events_length: usize = events.iter().map(Bytes::len).sum::<usize>() + commas;
    let payload = OPEN.len() + digits + RESUME.len() + resume.len() + EVENTS.len() + events_length + CLOSE.len();
    put_header(out, Opcode::Text, payload);
    write!(out, "{OPEN}{push_no}{RESUME}{resume}{EVENTS}").expect("a vector takes everything");
    for (index, events) in events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(events);
    }
    out.extend_from_slice(CLOSE.as_bytes());
    payload
}

#[cfg(test)]
mod tests {
    use anser_contract::v1::{Content, Entry, OwnEntry, Push, Text, content, server_frame};
    use anser_types::Code;

    use super::*;

    fn blocks() -> (Vec<Event>, Vec<Block>) {
        let text = Text { text: "grüß \"dich\"".into() };
        let entry = Entry {
            conversation_id: vec![7; 16],
            seq: 300,
            sender_id: vec![1; 16],
            client_msg_id: vec![2; 16],
            server_ts: 1_700_000_000_000,
            countable: true,
            content: Some(Content::from(content::Kind::Text(text))),
            ..Entry::default()
        };
        let own = OwnEntry { conversation_id: vec![7; 16], seq: 301, client_msg_id: vec![3; 16] };
        let events: Vec<Event> =
            [event::Event::Entry(entry.clone()), event::Event::Entry(entry), event::Event::OwnEntry(own)]
                .into_iter()
                .map(Event::from)
                .collect();
        let blocks =
            vec![Block::new(events[..2].to_vec(), About::Other), Block::new(events[2..].to_vec(), About::Other)];
        (events, blocks)
    }

    #[test]
    fn a_composed_push_is_the_push_that_the_contract_says() {
        for push_no in [1, 9, 10, 4_000_000_000] {
            let (events, blocks) = blocks();
            let push = Push { push_no, resume: "abc".into(), events };
            let frame = ServerFrame { frame: Some(server_frame::Frame::Push(push)) };
            for encoding in [Encoding::Json, Encoding::Proto] {
                let parts: Vec<Bytes> = blocks.iter().map(|block| block.bytes(encoding).clone()).collect();
                let (mut composed, mut expected) = (Vec::new(), Vec::new());
                put_push(&mut composed, encoding, push_no, "abc", &parts);
                put(&mut expected, encoding, &frame);
                assert_eq!(composed, expected, "{encoding:?}");
            }
        }
    }

    #[test]
    fn unknown_operations_and_fields_are_no_bad_frames() {
        let op = |text: &str| match read(Encoding::Json, text.as_bytes()) {
            Ok(Inbound::Request { id: 7, op, .. }) => op.map_err(|error| error.code),
            other => panic!("{other:?}"),
        };
        assert_eq!(op(r#"{"request":{"id":7,"dance":{"how":"slowly"}}}"#).err(), Some(Code::Unsupported));
        assert_eq!(op(r#"{"request":{"id":7,"send":{"conversation_id":"?"}}}"#).err(), Some(Code::InvalidArgument));
        assert!(op(r#"{"request":{"id":7,"colour":"red","sync_heads":{"limit":3,"mood":1}}}"#).is_ok());
        assert!(matches!(read(Encoding::Json, br#"{"wave":{}}"#), Ok(Inbound::Unknown)));
        assert!(matches!(read(Encoding::Json, br#"{"ping":{}}"#), Ok(Inbound::Ping)));
        assert!(read(Encoding::Json, b"{").is_err());
        assert!(read(Encoding::Json, br#"{"request":{"send":{}}}"#).is_err(), "a request needs its id");
        assert!(read(Encoding::Proto, &[0xff]).is_err());
    }
}
