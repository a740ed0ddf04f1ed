//! Frames without structs: written into the output buffer, read by walking over the fields.
//!
//! The protobuf side reads every field that a client would look at and allocates nothing. The JSON side goes through
//! the contract's own types. Both are checked against those types in the tests below.

use anser_client::{
    Encoding,
    v1::{
        Ack, ClientFrame, Content, Hello, Request, SendMessage, ServerFrame, Text, client_frame, content, event, reply,
        request, server_frame,
    },
};
use anyhow::{Context as _, bail};
use prost::{
    Message as _,
    encoding::{decode_varint, encode_varint, encoded_len_varint},
};

/// Sixteen bytes that name a conversation or a message.
pub type Key = [u8; 16];

/// A send to be written.
pub struct Send<'a> {
    /// The request's id.
    pub id: u32,
    /// Where to.
    pub conversation: &'a Key,
    /// Its key.
    pub key: &'a Key,
    /// What.
    pub text: &'a str,
}

/// What a frame says, piece by piece. An event comes after the push that it is in.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// The greeting was accepted.
    Welcome,
    /// A send was acknowledged.
    Acked {
        /// The request's id.
        id: u32,
        /// Its place.
        seq: i64,
    },
    /// A request was refused.
    Refused {
        /// The request's id.
        id: u32,
        /// Why.
        code: &'a str,
    },
    /// Another request was answered.
    Answered {
        /// The request's id.
        id: u32,
    },
    /// A push begins.
    Push(u64),
    /// An entry of somebody else.
    Entry {
        /// Where.
        conversation: Key,
        /// Its place.
        seq: i64,
        /// Its key.
        key: Key,
        /// Bytes of its text.
        text: usize,
    },
    /// An entry that this connection sent.
    Own,
    /// Another event.
    Event,
    /// Sync instead.
    SyncRequired,
    /// Anything else.
    Other,
}

/// A greeting.
pub fn hello(encoding: Encoding, token: &str, device_id: &str) -> anyhow::Result<Vec<u8>> {
    let hello = Hello { access_token: token.into(), device_id: device_id.into(), ..Hello::default() };
    let frame = ClientFrame { frame: Some(client_frame::Frame::Hello(hello)) };
    Ok(match encoding {
        Encoding::Proto => frame.encode_to_vec(),
        Encoding::Json => serde_json::to_vec(&frame)?,
    })
}

/// Writes an acknowledgement.
pub fn ack(encoding: Encoding, push_no: u64, out: &mut Vec<u8>) -> anyhow::Result<()> {
    let frame = ClientFrame { frame: Some(client_frame::Frame::Ack(Ack { push_no })) };
    match encoding {
        Encoding::Proto => frame.encode(out)?,
        Encoding::Json => serde_json::to_writer(out, &frame)?,
    }
    Ok(())
}

/// Writes a send.
pub fn send(encoding: Encoding, send: &Send<'_>, out: &mut Vec<u8>) -> anyhow::Result<()> {
    if encoding == Encoding::Json {
        serde_json::to_writer(out, &frame_of(send))?;
        return Ok(());
    }
    let nested = |length: usize| 1 + encoded_len_varint(length as u64) + length;
    let text = nested(send.text.len()); // Text.text
    let content = nested(text); // Content.text
    let message = 18 + 18 + nested(content); // SendMessage
    let request = 1 + encoded_len_varint(u64::from(send.id)) + nested(message);
    open(out, 0x12, request); // ClientFrame.request
    open(out, 0x08, send.id as usize); // Request.id
    open(out, 0x1a, message); // Request.send
    open(out, 0x0a, 16);
    out.extend_from_slice(send.conversation);
    open(out, 0x12, 16);
    out.extend_from_slice(send.key);
    open(out, 0x1a, content); // SendMessage.content
    open(out, 0x0a, text); // Content.text
    open(out, 0x0a, send.text.len()); // Text.text
    out.extend_from_slice(send.text.as_bytes());
    Ok(())
}

fn open(out: &mut Vec<u8>, tag: u8, number: usize) {
    out.push(tag);
    encode_varint(number as u64, out);
}

fn frame_of(send: &Send<'_>) -> ClientFrame {
    let text = Text { text: send.text.to_owned() };
    let message = SendMessage {
        conversation_id: send.conversation.to_vec(),
        client_msg_id: send.key.to_vec(),
        content: Some(Content::from(content::Kind::Text(text))),
        ..SendMessage::default()
    };
    let request = Request { id: send.id, deadline_ms: 0, op: Some(request::Op::Send(message)) };
    ClientFrame { frame: Some(client_frame::Frame::Request(request)) }
}

/// Shows what a frame says.
pub fn decode(encoding: Encoding, payload: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
    match encoding {
        Encoding::Proto => walk_frame(payload, seen),
        Encoding::Json => {
            let frame: ServerFrame = serde_json::from_slice(payload).context("a JSON frame")?;
            show(&frame, seen)
        }
    }
}

/// One field: its number, and a number or bytes.
enum Field<'a> {
    Number(u32, u64),
    Bytes(u32, &'a [u8]),
}

/// Takes the next field off `bytes`.
fn field<'a>(bytes: &mut &'a [u8]) -> anyhow::Result<Option<Field<'a>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let tag = decode_varint(bytes)?;
    let number = (tag >> 3) as u32;
    let length = match tag & 7 {
        0 => return Ok(Some(Field::Number(number, decode_varint(bytes)?))),
        1 => 8,
        2 => decode_varint(bytes)? as usize,
        5 => 4,
        other => bail!("a field of wire type {other}"),
    };
    let (taken, rest) = bytes.split_at_checked(length).context("a field beyond its message")?;
    *bytes = rest;
    Ok(Some(Field::Bytes(number, taken)))
}

fn walk_frame(mut bytes: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
    while let Some(found) = field(&mut bytes)? {
        match found {
            Field::Bytes(1, _) => seen(Seen::Welcome),
            Field::Bytes(2, reply) => walk_reply(reply, seen)?,
            Field::Bytes(3, push) => walk_push(push, seen)?,
            Field::Bytes(4, _) => seen(Seen::SyncRequired),
            _ => seen(Seen::Other),
        }
    }
    Ok(())
}

fn walk_reply(mut bytes: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
    let (mut id, mut what) = (0, None);
    while let Some(found) = field(&mut bytes)? {
        match found {
            Field::Number(1, value) => id = value as u32,
            Field::Bytes(2, mut ack) => {
                let mut seq = 0;
                while let Some(found) = field(&mut ack)? {
                    if let Field::Number(3, value) = found {
                        seq = value as i64;
                    }
                }
                what = Some(Ok(seq));
            }
            Field::Bytes(15, mut problem) => {
                let mut code = "";
                while let Some(found) = field(&mut problem)? {
                    if let Field::Bytes(1, text) = found {
                        code = std::str::from_utf8(text)?;
                    }
                }
                what = Some(Err(code));
            }
            _ => {}
        }
    }
    seen(match what {
        Some(Ok(seq)) => Seen::Acked { id, seq },
        Some(Err(code)) => Seen::Refused { id, code },
        None => Seen::Answered { id },
    });
    Ok(())
}

fn walk_push(bytes: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
    // The number may stand behind the events, and is told first.
    let mut rest = bytes;
    while let Some(found) = field(&mut rest)? {
        if let Field::Number(1, push_no) = found {
            seen(Seen::Push(push_no));
            break;
        }
    }
    let mut rest = bytes;
    while let Some(found) = field(&mut rest)? {
        let Field::Bytes(3, mut event) = found else { continue };
        while let Some(found) = field(&mut event)? {
            match found {
                Field::Bytes(1, entry) => seen(walk_entry(entry)?),
                Field::Bytes(2, _) => seen(Seen::Own),
                _ => seen(Seen::Event),
            }
        }
    }
    Ok(())
}

fn walk_entry(mut bytes: &[u8]) -> anyhow::Result<Seen<'static>> {
    let (mut conversation, mut seq, mut key, mut text) = ([0; 16], 0, [0; 16], 0);
    while let Some(found) = field(&mut bytes)? {
        match found {
            Field::Bytes(1, bytes) => conversation = id(bytes)?,
            Field::Number(2, value) => seq = value as i64,
            Field::Bytes(4, bytes) => key = id(bytes)?,
            Field::Bytes(9, mut content) => {
                while let Some(found) = field(&mut content)? {
                    let Field::Bytes(1, mut inner) = found else { continue };
                    while let Some(found) = field(&mut inner)? {
                        if let Field::Bytes(1, bytes) = found {
                            text = std::str::from_utf8(bytes)?.len();
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(Seen::Entry { conversation, seq, key, text })
}

/// Bytes as a key; notices have none.
pub fn id(bytes: &[u8]) -> anyhow::Result<Key> {
    if bytes.is_empty() { Ok([0; 16]) } else { bytes.try_into().context("an id that is not 16 bytes") }
}

fn show(frame: &ServerFrame, seen: &mut impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
    match &frame.frame {
        Some(server_frame::Frame::Welcome(_)) => seen(Seen::Welcome),
        Some(server_frame::Frame::Reply(reply)) => seen(match &reply.outcome {
            Some(reply::Outcome::Send(ack)) => Seen::Acked { id: reply.id, seq: ack.seq },
            Some(reply::Outcome::Error(problem)) => Seen::Refused { id: reply.id, code: &problem.code },
            _ => Seen::Answered { id: reply.id },
        }),
        Some(server_frame::Frame::Push(push)) => {
            seen(Seen::Push(push.push_no));
            for event in &push.events {
                seen(match &event.event {
                    Some(event::Event::Entry(entry)) => {
                        let kind = entry.content.as_ref().and_then(|content| content.kind.as_ref());
                        let text = match kind {
                            Some(content::Kind::Text(text)) => text.text.len(),
                            _ => 0,
                        };
                        Seen::Entry {
                            conversation: id(&entry.conversation_id)?,
                            seq: entry.seq,
                            key: id(&entry.client_msg_id)?,
                            text,
                        }
                    }
                    Some(event::Event::OwnEntry(_)) => Seen::Own,
                    _ => Seen::Event,
                });
            }
        }
        Some(server_frame::Frame::SyncRequired(_)) => seen(Seen::SyncRequired),
        _ => seen(Seen::Other),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anser_client::v1::{Entry, OwnEntry, Problem, Push, Reply, SendAck};

    #[test]
    fn a_send_is_written_as_the_contract_writes_it() {
        for text in ["", "hi", &"x".repeat(300), &"y".repeat(70_000)] {
            let what = Send { id: 300, conversation: &[1; 16], key: &[2; 16], text };
            let mut out = Vec::new();
            send(Encoding::Proto, &what, &mut out).unwrap();
            assert_eq!(ClientFrame::decode(&out[..]).unwrap(), frame_of(&what));
        }
    }

    #[test]
    fn both_encodings_are_seen_alike() {
        let content = Content::from(content::Kind::Text(Text { text: "hello".into() }));
        let entry = Entry {
            conversation_id: vec![1; 16],
            seq: 5,
            client_msg_id: vec![2; 16],
            content: Some(content),
            fallback_text: "hello".into(),
            ..Entry::default()
        };
        let own = OwnEntry { conversation_id: vec![1; 16], seq: 6, client_msg_id: vec![3; 16] };
        let events = vec![event::Event::Entry(entry).into(), event::Event::OwnEntry(own).into()];
        let reply = |outcome| server_frame::Frame::Reply(Reply { id: 9, outcome: Some(outcome) });
        let frames = [
            server_frame::Frame::Push(Push { push_no: 4, resume: "r".into(), events }),
            reply(reply::Outcome::Send(SendAck { seq: 77, ..SendAck::default() })),
            reply(reply::Outcome::Error(Problem { code: "muted".into(), ..Problem::default() })),
        ];
        let mut all = Vec::new();
        for frame in frames {
            let frame = ServerFrame { frame: Some(frame) };
            let mut texts = [Vec::new(), Vec::new()];
            decode(Encoding::Proto, &frame.encode_to_vec(), &mut |seen| texts[0].push(format!("{seen:?}"))).unwrap();
            let json = serde_json::to_vec(&frame).unwrap();
            decode(Encoding::Json, &json, &mut |seen| texts[1].push(format!("{seen:?}"))).unwrap();
            assert_eq!(texts[0], texts[1]);
            all.extend(texts[0].clone());
        }
        assert_eq!(all.len(), 5);
        assert!(all[1].contains("seq: 5") && all[1].contains("text: 5"), "{all:?}");
    }
}
