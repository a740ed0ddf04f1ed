//! The people of the table: made once, and asked again and again.

use std::sync::Arc;

use anser_client::Client;
use anser_tests::{Person, TestApp};
use anser_types::ConversationId;
use serde_json::json;

use super::table::Principal;

/// Stands in what the victim keeps for themselves: notes, drafts, names of devices.
pub const VICTIMS: &str = "quetzal-of-the-victim";
/// Stands in what the victim and their friend tell each other.
pub const WITH_FRIEND: &str = "quetzal-with-the-friend";
/// Stands in what the victim and whom they block told each other.
pub const WITH_BLOCKED: &str = "quetzal-with-the-blocked";

/// Everybody.
pub struct People {
    pub app: Arc<TestApp>,
    anonymous: Client,
    pub owner: Person,
    pub admin: Person,
    pub member: Person,
    pub muted: Person,
    pub former: Person,
    pub blocked: Person,
    pub friend: Person,
    pub stranger: Person,
    /// In the group: a second admin and a second plain member, to whom things happen.
    pub other_admin: Person,
    pub other_member: Person,
    /// Of whom one is a friend, whom another is blocked by, and to whom all others are nobody.
    pub victim: Person,
    /// What the victim has with the friend, and with the one they block.
    pub with_friend: ConversationId,
    pub with_blocked: ConversationId,
    /// What the two said in the latter before the block: the victim, and the other.
    pub said_before_block: (i64, i64),
    /// The owner, with a session that was ended.
    pub revoked: Person,
    /// What is no token of a person's session.
    pub foreign_tokens: Vec<String>,
}

impl People {
    pub async fn arrive(app: &Arc<TestApp>) -> Self {
        let person = |name: &'static str| app.person(name);
        let (owner, admin, member, muted, former, other_admin, other_member) = tokio::join!(
            person("owner"),
            person("admin"),
            person("member"),
            person("muted"),
            person("former"),
            person("other-admin"),
            person("other-member"),
        );
        let (blocked, friend, stranger, victim) =
            tokio::join!(person("blocked"), person("friend"), person("stranger"), person("victim"));
        for other in [&admin, &member, &muted, &former, &other_admin, &other_member] {
            owner.befriends(other).await;
        }
        let with_friend = victim.befriends(&friend).await;
        let with_blocked = victim.befriends(&blocked).await;
        keeps_secrets(&victim, &friend, with_friend).await;
        let victims = victim.says(with_blocked, WITH_BLOCKED).await.seq;
        let said_before_block = (victims, blocked.says(with_blocked, WITH_BLOCKED).await.seq);
        victim.client.block(blocked.id).await.unwrap();
        let revoked = owner.on_another_device().await;
        revoked.client.logout().await.unwrap();
        let foreign_tokens = foreign_tokens(app, &owner).await;
        Self {
            owner,
            admin,
            member,
            muted,
            former,
            blocked,
            friend,
            stranger,
            other_admin,
            other_member,
            victim,
            with_friend,
            with_blocked,
            said_before_block,
            revoked,
            foreign_tokens,
            anonymous: app.anonymous(),
            app: app.clone(),
        }
    }

    /// The person behind a principal; the owner stands in for those who are nobody.
    pub fn person(&self, who: Principal) -> &Person {
        match who {
            Principal::Admin => &self.admin,
            Principal::Member => &self.member,
            Principal::Muted => &self.muted,
            Principal::Former => &self.former,
            Principal::Blocked => &self.blocked,
            Principal::Friend => &self.friend,
            Principal::Stranger => &self.stranger,
            Principal::Owner | Principal::Anonymous | Principal::Revoked | Principal::Service => &self.owner,
        }
    }

    /// Whom a principal calls through: one client, or, for credentials that are none, one for each.
    pub fn clients(&self, who: Principal) -> Vec<Client> {
        let with = |token: &String| {
            let client = self.anonymous.fresh();
            let mut tokens = self.owner.client.tokens().unwrap();
            tokens.access_token.clone_from(token);
            client.set_tokens(Some(tokens));
            client
        };
        match who {
            Principal::Anonymous => vec![self.anonymous.fresh()],
            Principal::Revoked => vec![self.revoked.client.clone()],
            Principal::Service => self.foreign_tokens.iter().map(with).collect(),
            who => vec![self.person(who).client.clone()],
        }
    }
}

/// What the victim keeps for themselves.
async fn keeps_secrets(victim: &Person, friend: &Person, direct: ConversationId) {
    let category = victim.client.create_friend_category(VICTIMS).await.unwrap();
    let category = anser_types::FriendCategoryId::try_from(&category.category_id[..]).unwrap();
    victim.client.note_friend(friend.id, Some(VICTIMS), Some(&category.to_string())).await.unwrap();
    victim.client.change_settings(direct, json!({ "draft": VICTIMS })).await.unwrap();
}

/// Credentials of other places: the processes' secret, a refresh token, a ticket, a token with the signature of another,
/// and one that says that it needs none.
async fn foreign_tokens(app: &TestApp, owner: &Person) -> Vec<String> {
    let session = owner.on_another_device().await.client.tokens().unwrap();
    let mut tokens = vec![session.refresh_token, owner.client.ticket().await.unwrap()];
    if let Ok(secret) = std::fs::read_to_string(app.store_dir().join("peer.secret")) {
        tokens.push(secret.trim().to_owned());
    }
    let parts: Vec<&str> = session.access_token.split('.').collect();
    let other = owner.client.tokens().unwrap().access_token;
    tokens.push(format!("{}.{}.{}", parts[0], parts[1], other.rsplit('.').next().unwrap()));
    // {"alg":"none","typ":"at+jwt"}
    tokens.push(format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", parts[1]));
    tokens
}
