//! The calls that find everything: heads that moved, entries after a seq, everything about me.

use anser_types::ConversationId;
use serde_json::json;

use super::{Client, page_query};
use crate::{
    Result,
    v1::{HeadsPage, MePage, SyncPage, SyncPages},
};

impl Client {
    /// The conversations whose heads moved since `token`; an empty token: all of them, newest first.
    pub async fn sync_heads(&self, token: &str, limit: u32) -> Result<HeadsPage> {
        let mut query = page_query(limit, "");
        query.push(("token", token.to_owned()));
        self.get("/v1/sync/heads", &query).await
    }

    /// The entries of one conversation after a seq.
    pub async fn sync_conversation(
        &self,
        conversation: ConversationId,
        after_seq: i64,
        limit: u32,
    ) -> Result<SyncPage> {
        let mut query = page_query(limit, "");
        query.push(("conversation_id", conversation.to_string()));
        query.push(("after_seq", after_seq.to_string()));
        self.get("/v1/sync/conversation", &query).await
    }

    /// The same for several conversations at once.
    pub async fn sync_conversations(&self, from: &[(ConversationId, i64)]) -> Result<SyncPages> {
        let items: Vec<_> = from.iter().map(|(id, seq)| json!({ "conversation_id": id, "after_seq": seq })).collect();
        self.post("/v1/sync/conversations", json!({ "items": items })).await
    }

    /// What moved about the caller's profile, friends and requests since `token`.
    pub async fn sync_me(&self, token: &str) -> Result<MePage> {
        self.get("/v1/sync/me", &[("token", token.to_owned())]).await
    }
}
