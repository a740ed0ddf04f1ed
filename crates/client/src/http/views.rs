//! Messages with the profiles that the HTTP API joins to them.

use serde::Deserialize;

use crate::v1::{Conversation, Invitation, Member, PublicProfile};

/// A conversation as a list shows it: title and avatar are filled for direct ones too.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ConversationView {
    /// The conversation.
    #[serde(flatten)]
    pub conversation: Conversation,
    /// The other person of a direct conversation.
    #[serde(default)]
    pub peer: Option<PublicProfile>,
}

/// A member with their profile.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct MemberView {
    /// The member.
    #[serde(flatten)]
    pub member: Member,
    /// Missing where the account no longer exists.
    #[serde(default)]
    pub profile: Option<PublicProfile>,
}

/// An invitation with the profile of who invited.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InvitationView {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// Missing where the account no longer exists.
    #[serde(default)]
    pub inviter: Option<PublicProfile>,
}

impl std::ops::Deref for ConversationView {
    type Target = Conversation;

    fn deref(&self) -> &Conversation {
        &self.conversation
    }
}

impl std::ops::Deref for MemberView {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl std::ops::Deref for InvitationView {
    type Target = Invitation;

    fn deref(&self) -> &Invitation {
        &self.invitation
    }
}
