//! A send's shape: checked, encoded and hashed before it queues for the writer, so that the writer only writes.

use anser_contract::v1::{SendMessage, content::Kind};
use anser_types::{Code, ConversationId, Error, MessageId, Result, UserId};
use prost::Message as _;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::send::{PendingSend, ReplyTo};

const CUSTOM_TYPE_BYTES: usize = 64;

/// A send by `user` that is ready to be written, or what is wrong with it.
pub fn prepare(
    user: UserId,
    send: SendMessage,
    body_bytes: usize,
    deadline: Instant,
    reply_to: ReplyTo,
) -> Result<PendingSend, (ReplyTo, Error)> {
    match check(&send, body_bytes) {
        Ok((conversation, cmid, body)) => {
            // The hash is over the canonical encoding of what was understood, so JSON and protobuf agree.
            let mut payload_hash = [0; 16];
            payload_hash.copy_from_slice(&Sha256::digest(&body)[..16]);
            let content = send.content.unwrap_or_default();
            Ok(PendingSend { user, conversation, cmid, content, body, payload_hash, deadline, reply_to })
        }
        Err(error) => Err((reply_to, error)),
    }
}

fn check(send: &SendMessage, body_bytes: usize) -> Result<(ConversationId, MessageId, Vec<u8>)> {
    let conversation = ConversationId::try_from(&send.conversation_id[..])
        .map_err(|_| Error::field("conversation_id", "missing or not an id"))?;
    let cmid = MessageId::try_from(&send.client_msg_id[..])
        .map_err(|_| Error::field("client_msg_id", "missing or not an id"))?;
    if cmid.0[6] >> 4 != 7 {
        return Err(Error::field("client_msg_id", "must be a UUIDv7: ids that rise with time"));
    }
    let content = send.content.as_ref().ok_or_else(|| Error::field("content", "is missing"))?;
    match &content.kind {
        Some(Kind::Text(text)) if text.text.is_empty() => return Err(Error::field("content.text", "is empty")),
        Some(Kind::Custom(custom)) if custom.r#type.is_empty() || custom.r#type.len() > CUSTOM_TYPE_BYTES => {
            return Err(Error::field("content.custom.type", "1 to 64 bytes"));
        }
        Some(Kind::Text(_) | Kind::Custom(_)) => {}
        Some(_) => return Err(Error::field("content", "notices are written by the service")),
        None => return Err(Error::new(Code::Unsupported, "this kind of content is not known")),
    }
    let body = content.encode_to_vec();
    if body.len() > body_bytes {
        return Err(Error::new(Code::TooLarge, format!("a message's content is at most {body_bytes} bytes")));
    }
    Ok((conversation, cmid, body))
}
