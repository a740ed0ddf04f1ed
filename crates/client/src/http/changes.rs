//! What becomes of a message after it was sent.

use anser_types::{ConversationId, MessageId};
use serde_json::{Value, json};

use super::{Client, page_query};
use crate::{
    Result,
    v1::{
        AppendReply, Changed, Content, DeleteForMeReply, ListPinsReply, ListReactionsReply, ListReadersReply,
        ListVersionsReply,
    },
};

impl Client {
    /// Puts other words in the place of one's own message.
    pub async fn edit(&self, conversation: ConversationId, seq: i64, content: &Content) -> Result<Changed> {
        self.patch(&message(conversation, seq), json!({ "content": content })).await
    }

    /// Takes a message back for everybody.
    pub async fn recall(&self, conversation: ConversationId, seq: i64) -> Result<Changed> {
        self.delete_with_answer(&message(conversation, seq)).await
    }

    /// The words that a message had before.
    pub async fn versions(&self, conversation: ConversationId, seq: i64) -> Result<ListVersionsReply> {
        self.get(&format!("{}/versions", message(conversation, seq)), &[]).await
    }

    /// Hides ranges of entries, both ends included, from oneself.
    pub async fn delete_for_me(&self, conversation: ConversationId, ranges: &[(i64, i64)]) -> Result<DeleteForMeReply> {
        let range = |&(from_seq, to_seq): &(i64, i64)| json!({ "from_seq": from_seq, "to_seq": to_seq });
        let ranges: Vec<Value> = ranges.iter().map(range).collect();
        let path = format!("/v1/conversations/{conversation}/messages:delete-for-me");
        self.post(&path, json!({ "ranges": ranges })).await
    }

    /// Reacts to a message. `emoji` goes into the path, so it has to be percent-encoded.
    pub async fn react(&self, conversation: ConversationId, seq: i64, emoji: &str) -> Result<Changed> {
        self.put(&format!("{}/reactions/{emoji}", message(conversation, seq)), json!({})).await
    }

    /// Takes a reaction back.
    pub async fn take_reaction_back(&self, conversation: ConversationId, seq: i64, emoji: &str) -> Result<Changed> {
        self.delete_with_answer(&format!("{}/reactions/{emoji}", message(conversation, seq))).await
    }

    /// Who reacted to a message.
    pub async fn reactions(&self, conversation: ConversationId, seq: i64) -> Result<ListReactionsReply> {
        self.get(&format!("{}/reactions", message(conversation, seq)), &[]).await
    }

    /// Pins a message.
    pub async fn pin(&self, conversation: ConversationId, seq: i64) -> Result<Changed> {
        self.put(&format!("{}/pin", message(conversation, seq)), json!({})).await
    }

    /// Takes the pin off a message.
    pub async fn unpin(&self, conversation: ConversationId, seq: i64) -> Result<Changed> {
        self.delete_with_answer(&format!("{}/pin", message(conversation, seq))).await
    }

    /// The pinned messages.
    pub async fn pins(&self, conversation: ConversationId) -> Result<ListPinsReply> {
        self.get(&format!("/v1/conversations/{conversation}/pins"), &[]).await
    }

    /// A page of those who have read a message.
    pub async fn readers(
        &self,
        conversation: ConversationId,
        seq: i64,
        limit: u32,
        cursor: &str,
    ) -> Result<ListReadersReply> {
        self.get(&format!("{}/readers", message(conversation, seq)), &page_query(limit, cursor)).await
    }

    /// Says messages of one conversation again in another, each under a key of its own.
    pub async fn forward(
        &self,
        from: ConversationId,
        seqs: &[i64],
        to: ConversationId,
        keys: &[MessageId],
    ) -> Result<AppendReply> {
        let request = json!({ "from_conversation_id": from, "seqs": seqs, "client_msg_ids": keys });
        self.post(&format!("/v1/conversations/{to}/messages:forward"), request).await
    }
}

fn message(conversation: ConversationId, seq: i64) -> String {
    format!("/v1/conversations/{conversation}/messages/{seq}")
}
