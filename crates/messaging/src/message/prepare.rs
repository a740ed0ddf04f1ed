//! A send's shape: checked, encoded and hashed before it queues for the writer, so that the writer only writes.

use std::sync::Arc;

use anser_contract::v1::{Content, Expiring, SendMessage, content::Kind};
use anser_types::{Code, ConversationId, Error, MessageId, Result, UserId};
use prost::Message as _;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    claim::check_file,
    send::{PendingSend, ReplyTo},
};
use crate::{MessagingOptions, membership::EVERYBODY, words::Words};

const CUSTOM_TYPE_BYTES: usize = 64;

/// How many people one message may be meant for.
const MENTIONED: usize = 50;

/// How long an expiring message stays at least.
const EXPIRES_LEAST_MS: i64 = 5_000;

/// What people may say.
#[derive(Clone)]
pub struct Sayable {
    /// The largest encoded content, in bytes.
    pub body_bytes: usize,
    /// What is not said.
    pub words: Arc<Words>,
    /// How long an expiring message may stay at most, in milliseconds.
    pub expires_most_ms: i64,
}

impl Sayable {
    /// As the configuration has it.
    pub fn new(options: &MessagingOptions, words: Arc<Words>) -> Self {
        Self { body_bytes: options.body_bytes, words, expires_most_ms: options.expires_most_ms }
    }
}

/// A send by `user` that is ready to be written, or what is wrong with it.
pub fn prepare(
    user: UserId,
    mut send: SendMessage,
    sayable: &Sayable,
    deadline: Instant,
    reply_to: ReplyTo,
) -> Result<PendingSend, (ReplyTo, Error)> {
    match check(&mut send, sayable) {
        Ok((conversation, cmid, mut body)) => {
            // The hash is over the canonical encoding of what was understood, so JSON and protobuf agree; and over what
            // was said, not what a mask left of it, so that a repeat is one whatever the list says by then.
            let payload_hash = payload_hash(&body);
            let mut content = send.content.take().unwrap_or_default();
            match sayable.words.apply(&mut content) {
                Ok(true) => body = content.encode_to_vec(),
                Ok(false) => {}
                Err(error) => return Err((reply_to, error)),
            }
            Ok(PendingSend { user, conversation, cmid, content, body, payload_hash, deadline, reply_to })
        }
        Err(error) => Err((reply_to, error)),
    }
}

/// Checks a send; answers its key and what it says, encoded.
pub fn check(send: &mut SendMessage, sayable: &Sayable) -> Result<(ConversationId, MessageId, Vec<u8>)> {
    let (conversation, cmid, content) = keys(send)?;
    let body = check_content(content, sayable.body_bytes)?;
    let after_ms = send.expires_in_ms;
    let Some(content) = send.content.as_mut().filter(|_| after_ms != 0) else { return Ok((conversation, cmid, body)) };
    if !(EXPIRES_LEAST_MS..=sayable.expires_most_ms).contains(&after_ms) {
        let range = format!("{EXPIRES_LEAST_MS} to {} milliseconds", sayable.expires_most_ms);
        return Err(Error::field("expires_in_ms", range));
    }
    content.expiring = Some(Box::new(Expiring { after_ms, expires_at: 0 }));
    Ok((conversation, cmid, encoded(content, sayable.body_bytes)?))
}

/// The same for a content that was made here from what others said. `asked` is what the key stands for: who repeats
/// the call means the same, though the words may have changed meanwhile.
pub fn prepare_forwarded(
    user: UserId,
    send: SendMessage,
    asked: &[u8],
    body_bytes: usize,
    deadline: Instant,
    reply_to: ReplyTo,
) -> Result<PendingSend, (ReplyTo, Error)> {
    match keys(&send).and_then(|(conversation, cmid, content)| Ok((conversation, cmid, encoded(content, body_bytes)?)))
    {
        Ok((conversation, cmid, body)) => {
            let (content, payload_hash) = (send.content.unwrap_or_default(), payload_hash(asked));
            Ok(PendingSend { user, conversation, cmid, content, body, payload_hash, deadline, reply_to })
        }
        Err(error) => Err((reply_to, error)),
    }
}

/// What a key stands for.
pub fn payload_hash(asked: &[u8]) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(asked)[..16]);
    hash
}

fn keys(send: &SendMessage) -> Result<(ConversationId, MessageId, &Content)> {
    let conversation = ConversationId::try_from(&send.conversation_id[..])
        .map_err(|_| Error::field("conversation_id", "missing or not an id"))?;
    let cmid = MessageId::try_from(&send.client_msg_id[..])
        .map_err(|_| Error::field("client_msg_id", "missing or not an id"))?;
    if cmid.0[6] >> 4 != 7 {
        return Err(Error::field("client_msg_id", "must be a UUIDv7: ids that rise with time"));
    }
    let content = send.content.as_ref().ok_or_else(|| Error::field("content", "is missing"))?;
    Ok((conversation, cmid, content))
}

/// What a person may say; answers its encoding.
pub fn check_content(content: &Content, body_bytes: usize) -> Result<Vec<u8>> {
    match &content.kind {
        Some(Kind::Text(text)) if text.text.is_empty() => return Err(Error::field("content.text", "is empty")),
        Some(Kind::Custom(custom)) if custom.r#type.is_empty() || custom.r#type.len() > CUSTOM_TYPE_BYTES => {
            return Err(Error::field("content.custom.type", "1 to 64 bytes"));
        }
        Some(Kind::Location(location)) => {
            let on_earth = location.latitude.abs() <= 90.0 && location.longitude.abs() <= 180.0;
            if !on_earth {
                return Err(Error::field("content.location", "latitude -90 to 90, longitude -180 to 180"));
            }
        }
        Some(Kind::Card(card)) if card.title.is_empty() => return Err(Error::field("content.card.title", "is empty")),
        Some(Kind::Text(_) | Kind::Custom(_) | Kind::Card(_)) => {}
        Some(Kind::Image(_) | Kind::File(_) | Kind::Voice(_)) => check_file(content)?,
        Some(_) => return Err(Error::field("content", "is written by the service, not sent")),
        None => return Err(Error::new(Code::Unsupported, "this kind of content is not known")),
    }
    if content.forwarded.is_some() {
        return Err(Error::field("content.forwarded", "is written by the service; forward the message"));
    }
    if content.expiring.is_some() {
        return Err(Error::field("content.expiring", "is written by the service; say expires_in_ms"));
    }
    if content.reply_to.is_some_and(|reply| reply.seq < 1) {
        return Err(Error::field("content.reply_to.seq", "1 or more"));
    }
    if let Some(mentions) = &content.mentions {
        let ids = mentions.user_ids.iter().all(|id| UserId::try_from(&id[..]).is_ok_and(|id| id != EVERYBODY));
        if !ids || mentions.user_ids.len() > MENTIONED {
            return Err(Error::field("content.mentions.user_ids", format!("{MENTIONED} ids at most")));
        }
    }
    encoded(content, body_bytes)
}

fn encoded(content: &Content, body_bytes: usize) -> Result<Vec<u8>> {
    let body = content.encode_to_vec();
    if body.len() > body_bytes {
        return Err(Error::new(Code::TooLarge, format!("a message's content is at most {body_bytes} bytes")));
    }
    Ok(body)
}
