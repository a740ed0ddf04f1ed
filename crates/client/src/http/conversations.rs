//! Conversations, their members, invitations.

use anser_types::{ConversationId, UserId};
use serde_json::{Value, json};

use super::{Client, ConversationView, InvitationView, MemberView, Page, page_query};
use crate::{Result, v1::InviteReply};

impl Client {
    /// Makes a group with these people in it.
    pub async fn create_group(&self, title: &str, members: &[UserId]) -> Result<ConversationView> {
        self.post("/v1/conversations", json!({ "title": title, "member_ids": members })).await
    }

    /// The direct conversation with somebody, where the server lets strangers talk; friends have theirs already.
    pub async fn open_direct(&self, user: UserId) -> Result<ConversationView> {
        self.post("/v1/conversations", json!({ "user_id": user })).await
    }

    /// A page of the caller's conversations, newest first.
    pub async fn conversations(&self, limit: u32, cursor: &str) -> Result<Page<ConversationView>> {
        self.get("/v1/conversations", &page_query(limit, cursor)).await
    }

    /// One conversation, as the caller sees it.
    pub async fn conversation(&self, conversation: ConversationId) -> Result<ConversationView> {
        self.get(&format!("/v1/conversations/{conversation}"), &[]).await
    }

    /// A page of the members.
    pub async fn members(&self, conversation: ConversationId, limit: u32, cursor: &str) -> Result<Page<MemberView>> {
        self.get(&format!("/v1/conversations/{conversation}/members"), &page_query(limit, cursor)).await
    }

    /// Brings people into a group: friends come in at once, others are asked.
    pub async fn invite(&self, conversation: ConversationId, people: &[UserId]) -> Result<InviteReply> {
        self.post(&format!("/v1/conversations/{conversation}/members"), json!({ "user_ids": people })).await
    }

    /// The invitations that wait for the caller.
    pub async fn invitations(&self) -> Result<Page<InvitationView>> {
        self.get("/v1/invitations", &[]).await
    }

    /// Accepts an invitation.
    pub async fn accept_invitation(&self, conversation: ConversationId) -> Result<ConversationView> {
        self.post(&format!("/v1/invitations/{conversation}:accept"), json!({})).await
    }

    /// Declines an invitation.
    pub async fn decline_invitation(&self, conversation: ConversationId) -> Result<()> {
        self.post::<Value>(&format!("/v1/invitations/{conversation}:decline"), json!({})).await.map(drop)
    }

    /// Removes somebody from a group.
    pub async fn remove_member(&self, conversation: ConversationId, member: UserId) -> Result<()> {
        self.delete(&format!("/v1/conversations/{conversation}/members/{member}")).await
    }

    /// Leaves a group.
    pub async fn leave(&self, conversation: ConversationId) -> Result<()> {
        self.post::<Value>(&format!("/v1/conversations/{conversation}:leave"), json!({})).await.map(drop)
    }

    /// Makes somebody an `admin`, or a plain `member` again.
    pub async fn change_role(&self, conversation: ConversationId, member: UserId, role: &str) -> Result<MemberView> {
        self.patch(&format!("/v1/conversations/{conversation}/members/{member}"), json!({ "role": role })).await
    }
}
