//! What owner and admins do to a group, the ways into it, and what one sets about a conversation for oneself.

use anser_types::{ConversationId, JoinLinkId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, ConversationView, MemberView, Page, page_query};
use crate::{
    Result,
    v1::{ConversationSettings, JoinLink, JoinLinkView, JoinRequest, ListJoinLinksReply, MuteReply},
};

/// What became of coming in by a link.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Joined {
    /// The group, for one who is in.
    #[serde(default)]
    pub conversation: Option<ConversationView>,
    /// Whether an admin has to consent first.
    pub waiting: bool,
}

impl Client {
    /// Changes a group: `changes` names what is to be another (`title`, `announcement`, `approval`, …).
    pub async fn change_group(&self, group: ConversationId, changes: Value) -> Result<ConversationView> {
        self.patch(&format!("/v1/conversations/{group}"), changes).await
    }

    /// Hands a group to another member.
    pub async fn transfer_ownership(&self, group: ConversationId, heir: UserId) -> Result<ConversationView> {
        self.post(&format!("/v1/conversations/{group}:transfer"), json!({ "user_id": heir })).await
    }

    /// Closes a group for good.
    pub async fn dismiss_group(&self, group: ConversationId) -> Result<ConversationView> {
        self.post(&format!("/v1/conversations/{group}:dismiss"), json!({})).await
    }

    /// Lets only owner and admins send for `for_ms`; 0: all again.
    pub async fn mute_all(&self, group: ConversationId, for_ms: i64) -> Result<MuteReply> {
        self.post(&format!("/v1/conversations/{group}:mute"), json!({ "for_ms": for_ms })).await
    }

    /// Keeps a member from sending for `for_ms`; 0: not any more.
    pub async fn mute_member(&self, group: ConversationId, member: UserId, for_ms: i64) -> Result<MuteReply> {
        self.post(&format!("/v1/conversations/{group}/members/{member}:mute"), json!({ "for_ms": for_ms })).await
    }

    /// Names a member within a group.
    pub async fn set_member_nickname(
        &self,
        group: ConversationId,
        member: UserId,
        nickname: &str,
    ) -> Result<MemberView> {
        let path = format!("/v1/conversations/{group}/members/{member}/nickname");
        self.put(&path, json!({ "nickname": nickname })).await
    }

    /// Makes a link into a group, good for `valid_ms` (0: for ever) and `most_uses` times (0: without bound).
    pub async fn create_join_link(&self, group: ConversationId, valid_ms: i64, most_uses: u32) -> Result<JoinLink> {
        let link = json!({ "valid_ms": valid_ms, "most_uses": most_uses });
        self.post(&format!("/v1/conversations/{group}/links"), link).await
    }

    /// The links into a group.
    pub async fn join_links(&self, group: ConversationId) -> Result<Vec<JoinLink>> {
        let reply: ListJoinLinksReply = self.get(&format!("/v1/conversations/{group}/links"), &[]).await?;
        Ok(reply.items)
    }

    /// Revokes a link into a group.
    pub async fn revoke_join_link(&self, group: ConversationId, link: JoinLinkId) -> Result<()> {
        self.delete(&format!("/v1/conversations/{group}/links/{link}")).await
    }

    /// Where a link leads.
    pub async fn look_at_join_link(&self, code: &str) -> Result<JoinLinkView> {
        self.post("/v1/join-links:look", json!({ "code": code })).await
    }

    /// Comes into a group by a link.
    pub async fn join_by_link(&self, code: &str, message: &str) -> Result<Joined> {
        self.post("/v1/join-links:join", json!({ "code": code, "message": message })).await
    }

    /// A page of those who wait to come into a group.
    pub async fn join_requests(&self, group: ConversationId, limit: u32, cursor: &str) -> Result<Page<JoinRequest>> {
        self.get(&format!("/v1/conversations/{group}/join-requests"), &page_query(limit, cursor)).await
    }

    /// Lets somebody in who waits, or sends them away.
    pub async fn answer_join_request(&self, group: ConversationId, user: UserId, accept: bool) -> Result<()> {
        let verb = if accept { "accept" } else { "reject" };
        let path = format!("/v1/conversations/{group}/join-requests/{user}:{verb}");
        self.post::<Value>(&path, json!({})).await.map(drop)
    }

    /// Sets something about a conversation for oneself: `settings` names what (`pinned`, `mute_ms`, `draft`, …).
    pub async fn change_settings(&self, conversation: ConversationId, settings: Value) -> Result<ConversationSettings> {
        self.patch(&format!("/v1/conversations/{conversation}/settings"), settings).await
    }
}
