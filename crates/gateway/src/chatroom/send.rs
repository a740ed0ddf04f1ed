//! Sending: media are stored as the sender's files first, then the message names them.

use anser_contract::{
    chatroom::{MessageContent, MessageType, NewMessageReq, NewMessageRsp, message_content::MsgContent},
    v1::{AppendRequest, Attachment, Content, Image, Problem, SendMessage, Text, Voice, content::Kind},
};
use anser_types::{Code, Error, Id, MessageId, UserId};
use bytes::Bytes;
use ring::digest::{Context as Digest, SHA256};

use super::{
    call::Call,
    doings::Doing,
    files,
    history::may_read,
    render,
    words::{
        EMPTY_MESSAGE, FILE_NOT_READ, FILE_NOT_STORED, LONG_MESSAGE, MAY_NOT_SEND, NO_NODE_TO_SEND, NOT_A_MEMBER,
        NOT_SENT, Refused, TOO_OFTEN, UNKNOWN_MESSAGE_TYPE,
    },
};

pub(super) async fn new_message(call: Call, asked: NewMessageReq) -> Result<NewMessageRsp, Refused> {
    let (me, session) = call.me()?;
    let conversation = call.conversation(&asked.chat_session_id)?;
    let key = match asked.client_message_id.as_str() {
        "" => MessageId::new(&call.room.gateway.clock),
        named => key_of(me, named),
    };
    let content = content(&call, asked.message.unwrap_or_default(), key).await?;
    let names_a_file = content.file_id().is_some();
    let send = SendMessage {
        conversation_id: conversation.to_vec(),
        client_msg_id: key.to_vec(),
        content: Some(content),
        ..SendMessage::default()
    };
    // Before it is sent: its push may come before the answer.
    call.room.doings.note(Doing::Sent(key), session, call.room.gateway.now_ms());
    let reply = call.services().messages.append(&call.ctx, AppendRequest { sends: vec![send] }).await;
    let outcome = reply.map_err(|error| refuse(&call, &error))?.outcomes.into_iter().next().unwrap_or_default();
    match (outcome.ack, outcome.error) {
        (Some(ack), None) => Ok(NewMessageRsp {
            message_id: render::message_id(&ack.conversation_id, ack.seq),
            ..NewMessageRsp::default()
        }),
        (_, error) => {
            let error = told(error);
            // What does not exist is the file where the conversation does.
            if error.code == Code::NotFound && names_a_file && may_read(&call, conversation.to_vec()).await.is_ok() {
                return Err(FILE_NOT_READ.into());
            }
            Err(refuse(&call, &error))
        }
    }
}

/// The key of a message that its client has a name for: the same whenever and in whichever session it is sent again. The
/// form is the one of ids that rise with time; its time is none, because a repeat has another.
fn key_of(user: UserId, named: &str) -> MessageId {
    let mut digest = Digest::new(&SHA256);
    digest.update(b"anser chat-room message");
    digest.update(user.as_bytes());
    digest.update(named.as_bytes());
    let mut key = MessageId::default();
    key.0[6..].copy_from_slice(&digest.finish().as_ref()[..10]);
    key.0[6] = 0x70 | (key.0[6] & 0x0f);
    key.0[8] = 0x80 | (key.0[8] & 0x3f);
    key
}

async fn content(call: &Call, said: MessageContent, key: MessageId) -> Result<Content, Refused> {
    let kind = MessageType::try_from(said.message_type).map_err(|_| UNKNOWN_MESSAGE_TYPE)?;
    let kind = match (kind, said.msg_content) {
        (MessageType::String, Some(MsgContent::StringMessage(said))) if !said.content.is_empty() => {
            Kind::Text(Text { text: said.content })
        }
        (MessageType::Image, Some(MsgContent::ImageMessage(image))) => {
            let bytes = image.image_content.unwrap_or_default();
            let name = files::picture_name(&bytes);
            let file_id = stored(call, image.file_id, name, bytes, key).await?;
            Kind::Image(Box::new(Image { file_id, ..Image::default() }))
        }
        (MessageType::File, Some(MsgContent::FileMessage(file))) => {
            let bytes = file.file_contents.unwrap_or_default();
            let file_id = stored(call, file.file_id, file.file_name, bytes, key).await?;
            Kind::File(Box::new(Attachment { file_id, ..Attachment::default() }))
        }
        (MessageType::Speech, Some(MsgContent::SpeechMessage(sound))) => {
            let samples = sound.file_contents.unwrap_or_default();
            let duration_ms = files::duration_ms(samples.len());
            let bytes = if samples.is_empty() { samples } else { files::wav_of(&samples) };
            let file_id = stored(call, sound.file_id, files::SPEECH_NAME.into(), bytes, key).await?;
            Kind::Voice(Box::new(Voice { file_id, duration_ms, ..Voice::default() }))
        }
        _ => return Err(EMPTY_MESSAGE.into()),
    };
    Ok(kind.into())
}

/// The file of a message: its bytes, stored as the sender's; without bytes one that they have stored before.
async fn stored(
    call: &Call,
    file_id: Option<String>,
    name: String,
    bytes: Bytes,
    key: MessageId,
) -> Result<Vec<u8>, Refused> {
    if bytes.is_empty() {
        let id: Option<Id> = file_id.and_then(|name| files::file_of(&name));
        return id.map(|id| id.0.to_vec()).ok_or_else(|| EMPTY_MESSAGE.into());
    }
    // The same message again is the same upload, so it names the same file.
    files::upload(call, name, bytes, key.to_string()).await.map_err(|error| match error.code {
        Code::RateLimited | Code::LimitExceeded => TOO_OFTEN.into(),
        _ => FILE_NOT_STORED.into(),
    })
}

fn told(problem: Option<Problem>) -> Error {
    let problem = problem.unwrap_or_default();
    let code = Code::parse(&problem.code).unwrap_or(Code::Internal);
    Error::new(code, problem.detail)
}

fn refuse(call: &Call, error: &Error) -> Refused {
    match error.code {
        Code::NotFound => NOT_A_MEMBER.into(),
        Code::Forbidden | Code::NotAllowed | Code::Muted | Code::ConversationClosed => MAY_NOT_SEND.into(),
        Code::TooLarge => LONG_MESSAGE.into(),
        Code::Unavailable | Code::FileStoreUnavailable => NO_NODE_TO_SEND.into(),
        Code::RateLimited | Code::LimitExceeded | Code::Unauthenticated => call.refuse(error),
        _ => NOT_SENT.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId([1; 16]);

    #[test]
    fn the_same_name_is_the_same_key_and_another_persons_is_not() {
        let key = key_of(ALICE, "m-1");
        assert_eq!(key, key_of(ALICE, "m-1"));
        assert_ne!(key, key_of(ALICE, "m-2"));
        assert_ne!(key, key_of(UserId([2; 16]), "m-1"));
        assert_eq!((key.0[6] >> 4, key.0[8] >> 6), (7, 2), "the form of a UUIDv7");
    }
}
