//! Joining public profiles to what services answer: one call for a page, never one for an item.

use std::collections::{BTreeSet, HashMap};

use anser_contract::v1::{Block, BlockView, GetUsersRequest, Invitation, JoinRequest};
use anser_contract::{
    Context,
    v1::{Conversation, ConversationKind, Friend, FriendRequest, FriendRequestView, FriendView, Member, PublicProfile},
};
use anser_types::Result;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::Gateway;

/// What `Users::get_users` takes at once.
const BATCH: usize = 200;

/// A conversation with the words that a list shows: `title` and `avatar` are filled for direct conversations too, from
/// the other person.
#[derive(Serialize, ToSchema)]
pub struct ConversationView {
    #[serde(flatten)]
    conversation: Conversation,
    /// The other person of a direct conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<PublicProfile>,
}

/// A member with their profile.
#[derive(Serialize, ToSchema)]
pub struct MemberView {
    #[serde(flatten)]
    member: Member,
    /// Missing where the account no longer exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<PublicProfile>,
}

/// An invitation with the profile of who invited.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    #[serde(flatten)]
    invitation: Invitation,
    /// Who invited; missing where the account no longer exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    inviter: Option<PublicProfile>,
}

/// Somebody who waits to come into a group, with their profile.
#[derive(Serialize, ToSchema)]
pub struct JoinRequestView {
    #[serde(flatten)]
    request: JoinRequest,
    /// Missing where the account no longer exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<PublicProfile>,
}

/// Profiles by user id.
pub struct Profiles(HashMap<Vec<u8>, PublicProfile>);

impl Profiles {
    /// The profiles of `ids`, each asked for once. Empty ids are nobody.
    pub async fn of<'a>(gateway: &Gateway, ctx: &Context, ids: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<Self> {
        let wanted: BTreeSet<&Vec<u8>> = ids.into_iter().filter(|id| !id.is_empty()).collect();
        let wanted: Vec<Vec<u8>> = wanted.into_iter().cloned().collect();
        let mut found = HashMap::with_capacity(wanted.len());
        for batch in wanted.chunks(BATCH) {
            let request = GetUsersRequest { user_ids: batch.to_vec() };
            let users = gateway.services.users.get_users(ctx, request).await?.users;
            found.extend(users.into_iter().map(|profile| (profile.user_id.clone(), profile)));
        }
        Ok(Self(found))
    }

    fn get(&self, id: &[u8]) -> Option<PublicProfile> {
        self.0.get(id).cloned()
    }
}

/// Conversations as lists show them.
pub async fn conversations(
    gateway: &Gateway,
    ctx: &Context,
    items: Vec<Conversation>,
) -> Result<Vec<ConversationView>> {
    let profiles = Profiles::of(gateway, ctx, items.iter().map(|item| &item.peer_id)).await?;
    let view = |mut conversation: Conversation| {
        let peer = profiles.get(&conversation.peer_id);
        if let Some(peer) = &peer
            && conversation.kind() == ConversationKind::Direct
        {
            conversation.title.clone_from(&peer.nickname);
            conversation.avatar.clone_from(&peer.avatar);
        }
        ConversationView { conversation, peer }
    };
    Ok(items.into_iter().map(view).collect())
}

/// One conversation as lists show it.
pub async fn conversation(gateway: &Gateway, ctx: &Context, item: Conversation) -> Result<ConversationView> {
    let mut views = conversations(gateway, ctx, vec![item]).await?;
    Ok(views.remove(0))
}

/// Members with their profiles.
pub async fn members(gateway: &Gateway, ctx: &Context, items: Vec<Member>) -> Result<Vec<MemberView>> {
    let profiles = Profiles::of(gateway, ctx, items.iter().map(|item| &item.user_id)).await?;
    let view = |member: Member| MemberView { profile: profiles.get(&member.user_id), member };
    Ok(items.into_iter().map(view).collect())
}

/// Invitations with who invited.
pub async fn invitations(gateway: &Gateway, ctx: &Context, items: Vec<Invitation>) -> Result<Vec<InvitationView>> {
    let profiles = Profiles::of(gateway, ctx, items.iter().map(|item| &item.invited_by)).await?;
    let view = |invitation: Invitation| InvitationView { inviter: profiles.get(&invitation.invited_by), invitation };
    Ok(items.into_iter().map(view).collect())
}

/// Those who wait to come into a group, with their profiles.
pub async fn join_requests(gateway: &Gateway, ctx: &Context, items: Vec<JoinRequest>) -> Result<Vec<JoinRequestView>> {
    let profiles = Profiles::of(gateway, ctx, items.iter().map(|item| &item.user_id)).await?;
    let view = |request: JoinRequest| JoinRequestView { profile: profiles.get(&request.user_id), request };
    Ok(items.into_iter().map(view).collect())
}

/// Friends with their profiles.
pub async fn friends(gateway: &Gateway, ctx: &Context, items: Vec<Friend>) -> Result<Vec<FriendView>> {
    let profiles = Profiles::of(gateway, ctx, items.iter().map(|item| &item.user_id)).await?;
    let view = |friend: Friend| FriendView { profile: profiles.get(&friend.user_id), friend: Some(friend) };
    Ok(items.into_iter().map(view).collect())
}

/// One friend with their profile.
pub async fn friend(gateway: &Gateway, ctx: &Context, item: Friend) -> Result<FriendView> {
    let mut views = friends(gateway, ctx, vec![item]).await?;
    Ok(views.remove(0))
}

/// Blocks with the profiles of who is blocked.
pub async fn blocks(gateway: &Gateway, ctx: &Context, items: Vec<Block>) -> Result<Vec<BlockView>> {
    let profiles = Profiles::of(gateway, ctx, items.iter().map(|item| &item.user_id)).await?;
    let view = |block: Block| BlockView { profile: profiles.get(&block.user_id), block: Some(block) };
    Ok(items.into_iter().map(view).collect())
}

/// One block with the profile of who is blocked.
pub async fn block(gateway: &Gateway, ctx: &Context, item: Block) -> Result<BlockView> {
    let mut views = blocks(gateway, ctx, vec![item]).await?;
    Ok(views.remove(0))
}

/// Friend requests with both people.
pub async fn requests(gateway: &Gateway, ctx: &Context, items: Vec<FriendRequest>) -> Result<Vec<FriendRequestView>> {
    let ids = items.iter().flat_map(|item| [&item.from_user_id, &item.to_user_id]);
    let profiles = Profiles::of(gateway, ctx, ids).await?;
    let view = |request: FriendRequest| FriendRequestView {
        from: profiles.get(&request.from_user_id),
        to: profiles.get(&request.to_user_id),
        request: Some(request),
    };
    Ok(items.into_iter().map(view).collect())
}

/// One friend request with both people.
pub async fn request(gateway: &Gateway, ctx: &Context, item: FriendRequest) -> Result<FriendRequestView> {
    let mut views = requests(gateway, ctx, vec![item]).await?;
    Ok(views.remove(0))
}
