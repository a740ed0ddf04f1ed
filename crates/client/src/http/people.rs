//! Profiles, friend requests, friends.

use anser_types::{FriendCategoryId, FriendRequestId, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, Page};
use crate::{
    Result,
    v1::{
        BlockView, FriendCategories, FriendCategory, FriendRequestView, FriendView, GetPresenceReply, OwnProfile,
        Presence, Privacy, PublicProfile,
    },
};

impl Client {
    /// The caller's own profile.
    pub async fn profile(&self) -> Result<OwnProfile> {
        self.get("/v1/users/me", &[]).await
    }

    /// Changes what others see; what is `None` stays.
    pub async fn update_profile(&self, nickname: Option<&str>, signature: Option<&str>) -> Result<OwnProfile> {
        self.patch("/v1/users/me", json!({ "nickname": nickname, "signature": signature })).await
    }

    /// Changes the caller's password; their other sessions end.
    pub async fn change_password(&self, old: &str, new: &str) -> Result<()> {
        let body = json!({ "old_password": old, "new_password": new });
        self.json::<Value>(Method::PUT, "/v1/users/me/password", Some(&body), None).await.map(drop)
    }

    /// Closes the caller's account for good.
    pub async fn close_account(&self, password: &str) -> Result<()> {
        let body = json!({ "password": password });
        self.json::<Value>(Method::DELETE, "/v1/users/me", Some(&body), None).await.map(drop)
    }

    /// Who may do what about the caller.
    pub async fn privacy(&self) -> Result<Privacy> {
        self.get("/v1/users/me/privacy", &[]).await
    }

    /// Changes who may do what about the caller; what is unspecified stays.
    pub async fn update_privacy(&self, privacy: &Privacy) -> Result<Privacy> {
        self.patch("/v1/users/me/privacy", json!(privacy)).await
    }

    /// How it stands with those of these friends who let it be seen.
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>> {
        let ids: Vec<String> = users.iter().map(|user| user.to_string()).collect();
        let reply: GetPresenceReply = self.get("/v1/presence", &[("user_ids", ids.join(","))]).await?;
        Ok(reply.items)
    }

    /// Somebody's public profile.
    pub async fn user(&self, user: UserId) -> Result<PublicProfile> {
        self.get(&format!("/v1/users/{user}"), &[]).await
    }

    /// The person with exactly this user name.
    pub async fn find(&self, username: &str) -> Result<PublicProfile> {
        self.get("/v1/users:lookup", &[("username", username.to_owned())]).await
    }

    /// Asks for friendship.
    pub async fn request_friend(&self, to: UserId, message: &str) -> Result<FriendRequestView> {
        self.post("/v1/friend-requests", json!({ "to_user_id": to, "message": message })).await
    }

    /// One friend request, sent or received.
    pub async fn friend_request(&self, request: FriendRequestId) -> Result<FriendRequestView> {
        self.get(&format!("/v1/friend-requests/{request}"), &[]).await
    }

    /// A page of the friend requests that were received, or of those that were sent.
    pub async fn friend_requests(&self, sent: bool, limit: u32, cursor: &str) -> Result<Page<FriendRequestView>> {
        let direction = if sent { "sent" } else { "received" };
        let mut query = super::page_query(limit, cursor);
        query.push(("direction", direction.to_owned()));
        self.get("/v1/friend-requests", &query).await
    }

    /// Accepts a friend request.
    pub async fn accept_friend(&self, request: FriendRequestId) -> Result<FriendRequestView> {
        self.post(&format!("/v1/friend-requests/{request}:accept"), json!({})).await
    }

    /// Rejects a friend request.
    pub async fn reject_friend(&self, request: FriendRequestId) -> Result<FriendRequestView> {
        self.post(&format!("/v1/friend-requests/{request}:reject"), json!({})).await
    }

    /// A page of the caller's friends.
    pub async fn friends(&self, limit: u32, cursor: &str) -> Result<Page<FriendView>> {
        self.get("/v1/friends", &super::page_query(limit, cursor)).await
    }

    /// Changes what is noted about a friend; what is `None` stays.
    pub async fn note_friend(&self, user: UserId, remark: Option<&str>, category: Option<&str>) -> Result<FriendView> {
        self.patch(&format!("/v1/friends/{user}"), json!({ "remark": remark, "category_id": category })).await
    }

    /// The caller's categories of friends.
    pub async fn friend_categories(&self) -> Result<FriendCategories> {
        self.get("/v1/friend-categories", &[]).await
    }

    /// Makes a category of friends.
    pub async fn create_friend_category(&self, name: &str) -> Result<FriendCategory> {
        self.post("/v1/friend-categories", json!({ "name": name })).await
    }

    /// Gives a category another name.
    pub async fn rename_friend_category(&self, category: FriendCategoryId, name: &str) -> Result<FriendCategory> {
        self.patch(&format!("/v1/friend-categories/{category}"), json!({ "name": name })).await
    }

    /// Deletes a category; its friends stay.
    pub async fn delete_friend_category(&self, category: FriendCategoryId) -> Result<()> {
        self.delete(&format!("/v1/friend-categories/{category}")).await
    }

    /// Blocks somebody.
    pub async fn block(&self, user: UserId) -> Result<BlockView> {
        self.put(&format!("/v1/blocks/{user}"), json!({})).await
    }

    /// Blocks somebody no longer.
    pub async fn unblock(&self, user: UserId) -> Result<()> {
        self.delete(&format!("/v1/blocks/{user}")).await
    }

    /// A page of the people whom the caller blocks.
    pub async fn blocks(&self, limit: u32, cursor: &str) -> Result<Page<BlockView>> {
        self.get("/v1/blocks", &super::page_query(limit, cursor)).await
    }

    /// Ends a friendship.
    pub async fn delete_friend(&self, user: UserId) -> Result<()> {
        self.delete(&format!("/v1/friends/{user}")).await
    }
}
