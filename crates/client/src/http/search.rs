//! Finding messages and people.

use anser_types::{ConversationId, UserId};

use super::Client;
use crate::{
    Result,
    v1::{SearchMessagesReply, SearchUsersReply},
};

/// Which of the messages that hold the words.
#[derive(Clone, Debug, Default)]
pub struct Narrowed {
    /// Only in this conversation.
    pub conversation: Option<ConversationId>,
    /// Only of this person.
    pub sender: Option<UserId>,
    /// Only of this kind, such as `file`.
    pub kind: Option<&'static str>,
    /// `newest` or `best` first.
    pub order: Option<&'static str>,
    /// How many.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: String,
}

impl Client {
    /// Messages with these words.
    pub async fn search_messages(&self, words: &str, narrowed: Narrowed) -> Result<SearchMessagesReply> {
        let Narrowed { conversation, sender, kind, order, limit, cursor } = narrowed;
        let text = |of: Option<&str>| of.unwrap_or_default().to_owned();
        let query = [
            ("q", words.to_owned()),
            ("conversation_id", conversation.map(|id| id.to_string()).unwrap_or_default()),
            ("sender_id", sender.map(|id| id.to_string()).unwrap_or_default()),
            ("type", text(kind)),
            ("order", text(order)),
            ("limit", limit.unwrap_or_default().to_string()),
            ("cursor", cursor),
        ];
        self.get("/v1/search/messages", &query).await
    }

    /// People who are called so, or nearly so.
    pub async fn search_users(&self, name: &str, limit: u32, cursor: &str) -> Result<SearchUsersReply> {
        let query = [("q", name.to_owned()), ("limit", limit.to_string()), ("cursor", cursor.to_owned())];
        self.get("/v1/search/users", &query).await
    }
}
