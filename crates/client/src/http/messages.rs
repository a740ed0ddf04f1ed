//! Sending, history, the read cursor.

use anser_types::{ConversationId, MessageId};
use serde::Serialize;
use serde_json::json;

use super::{Client, page_query};
use crate::{
    Error, Result,
    v1::{
        Content, Custom, HistoryReply, ListScheduledReply, ReadMoved, ScheduledMessage, SendAck, SendMessage, Text,
        content::Kind,
    },
};

/// Which part of a conversation's history is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    /// Entries before this seq; 0: from the newest.
    pub before_seq: i64,
    /// Entries after this seq; 0: no bound.
    pub after_seq: i64,
    /// Entries at or after this time; 0: no bound.
    pub from_at: i64,
    /// Entries before this time; 0: no bound.
    pub until_at: i64,
    /// At most so many; 0: the server decides.
    pub limit: u32,
}

impl Client {
    /// Sends one text under a new key.
    pub async fn send_text(&self, conversation: ConversationId, text: &str) -> Result<SendAck> {
        self.send(&text_message(conversation, MessageId::new(self.clock()), text)).await
    }

    /// Sends one message. The same message again gets the same answer.
    pub async fn send(&self, message: &SendMessage) -> Result<SendAck> {
        let conversation = ConversationId::try_from(&message.conversation_id[..])
            .map_err(|_| Error::Protocol("a message without a conversation".into()))?;
        let body = json_of(message)?;
        self.post(&format!("/v1/conversations/{conversation}/messages"), body).await
    }

    /// A page of history, in ascending order of seq; without bounds the newest entries.
    pub async fn history(&self, conversation: ConversationId, range: Range) -> Result<HistoryReply> {
        let bounds = [
            ("before_seq", range.before_seq),
            ("after_seq", range.after_seq),
            ("from_at", range.from_at),
            ("until_at", range.until_at),
            ("limit", i64::from(range.limit)),
        ];
        let query: Vec<_> = bounds.into_iter().filter(|(_, v)| *v != 0).map(|(k, v)| (k, v.to_string())).collect();
        self.get(&format!("/v1/conversations/{conversation}/messages"), &query).await
    }

    /// Has a message sent later, in Unix milliseconds.
    pub async fn schedule(&self, message: &SendMessage, send_at: i64) -> Result<ScheduledMessage> {
        let conversation = ConversationId::try_from(&message.conversation_id[..])
            .map_err(|_| Error::Protocol("a message without a conversation".into()))?;
        let mut body = json_of(message)?;
        body["send_at"] = send_at.into();
        self.post(&format!("/v1/conversations/{conversation}/scheduled-messages"), body).await
    }

    /// The caller's messages for later.
    pub async fn scheduled(&self, limit: u32, cursor: &str) -> Result<ListScheduledReply> {
        self.get("/v1/scheduled-messages", &page_query(limit, cursor)).await
    }

    /// Has a message sent at another time.
    pub async fn reschedule(
        &self,
        conversation: ConversationId,
        key: MessageId,
        send_at: i64,
    ) -> Result<ScheduledMessage> {
        let path = format!("/v1/conversations/{conversation}/scheduled-messages/{key}");
        self.patch(&path, json!({ "send_at": send_at })).await
    }

    /// Has a message not sent at all.
    pub async fn cancel_scheduled(&self, conversation: ConversationId, key: MessageId) -> Result<()> {
        self.delete(&format!("/v1/conversations/{conversation}/scheduled-messages/{key}")).await
    }

    /// Moves the caller's read cursor forward.
    pub async fn mark_read(&self, conversation: ConversationId, read_seq: i64) -> Result<ReadMoved> {
        self.put(&format!("/v1/conversations/{conversation}/read"), json!({ "read_seq": read_seq })).await
    }
}

/// A text message, ready to send.
pub fn text_message(conversation: ConversationId, key: MessageId, text: &str) -> SendMessage {
    message(conversation, key, Kind::Text(Text { text: text.to_owned() }))
}

/// A message of the application's own kind, ready to send.
pub fn custom_message(
    conversation: ConversationId,
    key: MessageId,
    kind: &str,
    payload: &str,
    fallback_text: &str,
) -> SendMessage {
    let (kind, payload) = (kind.to_owned(), payload.to_owned());
    let custom = Custom { r#type: kind, payload, fallback_text: fallback_text.to_owned() };
    message(conversation, key, Kind::Custom(custom))
}

fn message(conversation: ConversationId, key: MessageId, kind: Kind) -> SendMessage {
    SendMessage {
        conversation_id: conversation.to_vec(),
        client_msg_id: key.to_vec(),
        content: Some(Content::from(kind)),
        ..SendMessage::default()
    }
}

fn json_of(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|error| Error::Protocol(error.to_string()))
}
