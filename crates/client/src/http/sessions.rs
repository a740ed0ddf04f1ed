//! Accounts, sessions, tickets.

use anser_types::{SessionId, UserId};
use reqwest::Method;
use serde_json::json;

use super::Client;
use crate::{
    Error, Result,
    v1::{ListSessionsReply, MintTicketReply, RegisterReply, Session, TokenReply},
};

/// The device that logs in.
#[derive(Clone, Debug, Default)]
pub struct LoginDevice {
    /// A UUID in text; empty: the server makes one for this login.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it runs on.
    pub platform: String,
}

impl Client {
    /// Makes an account. Does not log in.
    pub async fn register(&self, username: &str, password: &str, nickname: &str) -> Result<UserId> {
        let body = json!({ "username": username, "password": password, "nickname": nickname });
        let reply: RegisterReply = self.post("/v1/users", body).await?;
        user_id(&reply.user_id)
    }

    /// Opens a session, whose tokens this client uses from now on.
    pub async fn login(&self, username: &str, password: &str, device: &LoginDevice) -> Result<TokenReply> {
        let body = json!({
            "username": username, "password": password,
            "device_id": device.id, "device_name": device.name, "platform": device.platform,
        });
        let tokens: TokenReply = self.post("/v1/sessions", body).await?;
        self.set_tokens(Some(tokens.clone()));
        Ok(tokens)
    }

    /// Rotates the refresh token and uses the new tokens from now on.
    pub async fn refresh(&self) -> Result<TokenReply> {
        let before = self.tokens().ok_or_else(|| Error::Protocol("nobody is logged in".into()))?;
        let tokens = self.refresh_with(&before.refresh_token).await?;
        self.set_tokens(Some(tokens.clone()));
        Ok(tokens)
    }

    /// Uses a refresh token and leaves this client's own tokens alone.
    pub async fn refresh_with(&self, refresh_token: &str) -> Result<TokenReply> {
        // The bare call: one that refreshes by itself would come here again.
        let body = json!({ "refresh_token": refresh_token });
        self.call(Method::POST, "/v1/sessions:refresh", Some(&body), &[]).await?.parse()
    }

    /// The caller's sessions, newest first.
    pub async fn sessions(&self) -> Result<Vec<Session>> {
        self.get::<ListSessionsReply>("/v1/sessions", &[]).await.map(|reply| reply.items)
    }

    /// Ends one of the caller's sessions.
    pub async fn end_session(&self, session: SessionId) -> Result<()> {
        self.delete(&format!("/v1/sessions/{session}")).await
    }

    /// Ends this client's own session. The tokens are kept, as a test may want to see them refused.
    pub async fn logout(&self) -> Result<()> {
        self.delete("/v1/sessions/current").await
    }

    /// A ticket for one WebSocket.
    pub async fn ticket(&self) -> Result<String> {
        self.post::<MintTicketReply>("/v1/ws-tickets", json!({})).await.map(|reply| reply.ticket)
    }

    /// The person who is logged in.
    pub fn me(&self) -> Result<UserId> {
        let tokens = self.tokens().ok_or_else(|| Error::Protocol("nobody is logged in".into()))?;
        user_id(&tokens.user_id)
    }
}

fn user_id(bytes: &[u8]) -> Result<UserId> {
    UserId::try_from(bytes).map_err(|_| Error::Protocol("an answer without a user id".into()))
}
