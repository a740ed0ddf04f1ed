//! Who may do what: one function, one table, default deny.
//!
//! A service finds out, inside the transaction that will change things, in which relation the caller stands to the
//! thing concerned ([`Standing`]), and asks [`authorise`]. Nothing else in the house decides about rights. What a
//! caller may not know to exist is `not_found`.

use crate::{Code, Error, Result};

/// An enum that can be gone through.
macro_rules! listed {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident,)* }) => {
        $(#[$about])*
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

listed! {
/// What the caller wants to do. One entry for each operation on something that has an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read a profile's public part.
    ReadProfile,
    /// Read a profile's private part.
    ReadOwnProfile,
    /// Change one's profile or who may do what about oneself.
    EditOwnProfile,
    /// Close one's account.
    CloseAccount,
    /// See, end or refresh a device session.
    ManageSession,
    /// See a friend request.
    ReadFriendRequest,
    /// Accept or reject a friend request.
    AnswerFriendRequest,
    /// End a friendship.
    RemoveFriend,
    /// Note something about a friend for oneself.
    NoteFriend,
    /// See whether somebody is online, and when they last were.
    SeePresence,
    /// End a block.
    Unblock,
    /// Read a conversation's description, within what membership lets be seen.
    ReadConversation,
    /// Read entries, within what membership lets be seen.
    ReadEntries,
    /// List the members.
    ReadMembers,
    /// Move one's own read cursor.
    MoveReadCursor,
    /// Send a message.
    Send,
    /// Bring people into a group.
    Invite,
    /// Leave a group.
    Leave,
    /// Remove a plain member from a group.
    RemoveMember,
    /// Remove an admin from a group.
    RemoveAdmin,
    /// Make a member an admin or an admin a member.
    ChangeRole,
    /// See, move and cancel a message that one has scheduled.
    ManageScheduled,
    /// Accept or decline an invitation into a group.
    AnswerInvitation,
    /// Bring people into a group whose rules leave that to owner and admins; make links into it.
    InviteAsAdmin,
    /// Change a group's title, picture, announcement and rules.
    ChangeGroup,
    /// Hand a group to somebody else.
    TransferOwnership,
    /// Close a group for good.
    DismissGroup,
    /// Keep a plain member, or all of them, from sending for a while.
    Mute,
    /// Have a name of one's own in a group.
    NameOneself,
    /// Give another member a name in the group.
    NameMember,
    /// See and revoke the links into a group.
    ManageLinks,
    /// See who wants to come into a group, and consent or not.
    AnswerJoinRequest,
    /// Set something about a conversation for oneself: pin, mute, archive, hide, draft.
    ChangeSettings,
    /// Put other words in the place of one's own message.
    Edit,
    /// Recall one's own message.
    RecallOwn,
    /// Recall a message of a plain member, or of somebody who left.
    RecallOfMember,
    /// Recall a message of the owner or an admin.
    RecallOfAdmin,
    /// Read the words that an edited message had before.
    ReadVersions,
    /// React to a message.
    React,
    /// Pin a message, or take a pin off.
    Pin,
    /// Mean a message for everybody.
    MentionAll,
    /// See who has read a message.
    ReadReceipts,
    /// Read a file that a message names.
    ReadFile,
    /// Read a face.
    ReadAvatar,
    /// Write to an upload, complete or abort it.
    ManageUpload,
    /// Put a file into a message, or make a face of it.
    UseFile,
}
}

listed! {
/// In which relation the caller stands to the thing concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The thing is the caller's own (profile, session, a request they received, their invitation).
    Own,
    /// The caller made it and somebody else answers it (a friend request they sent).
    Author,
    /// Any signed-in person.
    Person,
    /// A friend, and neither blocks the other. Where a person lets nobody see their presence, friends are persons to it.
    Friend,
    /// Owner of the group.
    Owner,
    /// Admin of the group.
    Admin,
    /// Member of the group.
    Member,
    /// Member of the group who may not send for now.
    MutedMember,
    /// In a group that was closed for good, in whatever role.
    Dismissed,
    /// One of the two people of a direct conversation that is open.
    Peer,
    /// One of the two people of a direct conversation that is closed: they may read and no more.
    ClosedPeer,
    /// One of the two people of a direct conversation that is open, while one blocks the other. To the blocked one it
    /// looks like any other until they speak.
    BlockedPeer,
    /// Was a member; may still read what they saw then.
    FormerMember,
    /// May read a message that names the file.
    Reader,
    /// Has nothing to do with it.
    Outsider,
}
}

/// Lets the call go on, or says why not. What is not in the table is denied.
pub fn authorise(action: Action, standing: Standing) -> Result<()> {
    use Action::*;
    use Standing::*;
    let allowed = match standing {
        Own => matches!(
            action,
            ReadProfile
                | ReadOwnProfile
                | EditOwnProfile
                | CloseAccount
                | ManageSession
                | ReadFriendRequest
                | AnswerFriendRequest
                | RemoveFriend
                | NoteFriend
                | Unblock
                | AnswerInvitation
                | ManageScheduled
                | ReadFile
                | ReadAvatar
                | ManageUpload
                | UseFile
        ),
        Author => matches!(action, ReadFriendRequest),
        Person => matches!(action, ReadProfile | ReadAvatar),
        Friend => matches!(action, ReadProfile | ReadAvatar | SeePresence),
        Reader => matches!(action, ReadFile | ReadAvatar),
        Owner => matches!(
            action,
            ReadConversation
                | ReadEntries
                | ReadMembers
                | MoveReadCursor
                | Send
                | Invite
                | RemoveMember
                | RemoveAdmin
                | ChangeRole
                | InviteAsAdmin
                | ChangeGroup
                | TransferOwnership
                | DismissGroup
                | Mute
                | NameOneself
                | NameMember
                | ManageLinks
                | AnswerJoinRequest
                | ChangeSettings
                | Edit
                | RecallOwn
                | RecallOfMember
                | RecallOfAdmin
                | ReadVersions
                | React
                | Pin
                | MentionAll
                | ReadReceipts
        ),
        Admin => matches!(
            action,
            ReadConversation
                | ReadEntries
                | ReadMembers
                | MoveReadCursor
                | Send
                | Invite
                | RemoveMember
                | Leave
                | InviteAsAdmin
                | ChangeGroup
                | Mute
                | NameOneself
                | NameMember
                | ManageLinks
                | AnswerJoinRequest
                | ChangeSettings
                | Edit
                | RecallOwn
                | RecallOfMember
                | ReadVersions
                | React
                | Pin
                | MentionAll
                | ReadReceipts
        ),
        Member => matches!(action, Send | Edit | React) || authorise(action, MutedMember).is_ok(),
        MutedMember => matches!(
            action,
            ReadConversation
                | ReadEntries
                | ReadMembers
                | MoveReadCursor
                | Invite
                | Leave
                | NameOneself
                | ChangeSettings
                | RecallOwn
                | ReadReceipts
        ),
        Dismissed => {
            matches!(action, ReadConversation | ReadEntries | ReadMembers | MoveReadCursor | Leave | ChangeSettings)
        }
        Peer => matches!(action, Send | Edit | React | Pin) || authorise(action, ClosedPeer).is_ok(),
        ClosedPeer | BlockedPeer => matches!(
            action,
            ReadConversation | ReadEntries | ReadMembers | MoveReadCursor | ChangeSettings | RecallOwn | ReadReceipts
        ),
        FormerMember => matches!(action, ReadConversation | ReadEntries | MoveReadCursor | ChangeSettings),
        Outsider => false,
    };
    if allowed { Ok(()) } else { Err(refusal(action, standing)) }
}

fn refusal(action: Action, standing: Standing) -> Error {
    match (standing, action) {
        (
            Standing::Outsider
            | Standing::Person
            | Standing::Friend
            | Standing::Own
            | Standing::Author
            | Standing::Reader,
            _,
        ) => Error::not_found("thing"),
        (Standing::MutedMember, Action::Send | Action::Edit | Action::React) => {
            Error::new(Code::Muted, "you may not send here for now")
        }
        (Standing::Dismissed, _) => Error::new(Code::ConversationClosed, "the group was closed for good"),
        (Standing::ClosedPeer | Standing::BlockedPeer, Action::Send | Action::Edit | Action::React | Action::Pin) => {
            Error::new(Code::NotAllowed, "you may not talk to this person")
        }
        (Standing::Owner, Action::Leave) => {
            Error::new(Code::Forbidden, "the owner leaves after handing the group over or dismissing it")
        }
        (Standing::FormerMember, _) => Error::new(Code::Forbidden, "you are no longer a member"),
        _ => Error::new(Code::Forbidden, "your role does not allow this"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outsider_learns_nothing() {
        for action in
            [Action::ReadConversation, Action::Send, Action::Invite, Action::ReadMembers, Action::ReadFriendRequest]
        {
            assert_eq!(authorise(action, Standing::Outsider).map_err(|e| e.code), Err(Code::NotFound));
        }
    }

    #[test]
    fn closed_direct_conversations_are_read_only_and_blocked_ones_look_the_same() {
        assert!(authorise(Action::ReadEntries, Standing::ClosedPeer).is_ok());
        assert!(authorise(Action::ReadEntries, Standing::BlockedPeer).is_ok());
        let closed = authorise(Action::Send, Standing::ClosedPeer).unwrap_err();
        assert_eq!(closed.code, Code::NotAllowed);
        assert_eq!(authorise(Action::Send, Standing::BlockedPeer), Err(closed), "word for word");
    }

    #[test]
    fn who_is_muted_does_all_but_send_and_a_dismissed_group_is_read_only() {
        assert_eq!(authorise(Action::Send, Standing::MutedMember).map_err(|e| e.code), Err(Code::Muted));
        assert!(authorise(Action::Send, Standing::Member).is_ok());
        assert!(authorise(Action::Leave, Standing::MutedMember).is_ok());
        for action in [Action::Send, Action::Invite, Action::ChangeGroup, Action::Mute, Action::DismissGroup] {
            let refused = authorise(action, Standing::Dismissed).map_err(|e| e.code);
            assert_eq!(refused, Err(Code::ConversationClosed), "{action:?}");
        }
        assert!(authorise(Action::Leave, Standing::Dismissed).is_ok(), "the owner too");
    }

    /// Whatever `less` may, `more` may as well, but for `except`.
    fn may_as_much(less: Standing, more: Standing, except: &[Action]) {
        for &action in Action::ALL {
            let holds = authorise(action, less).is_err() || authorise(action, more).is_ok();
            assert_eq!(holds, !except.contains(&action), "{action:?}: {less:?} and {more:?}");
        }
    }

    #[test]
    fn a_higher_standing_may_whatever_a_lower_one_may() {
        use Standing::*;
        let nothing: &[Action] = &[];
        // The owner leaves after handing the group over.
        may_as_much(Admin, Owner, &[Action::Leave]);
        may_as_much(Member, Admin, nothing);
        may_as_much(MutedMember, Member, nothing);
        may_as_much(Dismissed, MutedMember, nothing);
        may_as_much(FormerMember, Dismissed, nothing);
        may_as_much(ClosedPeer, Peer, nothing);
        may_as_much(FormerMember, ClosedPeer, nothing);
        may_as_much(Person, Own, nothing);
        may_as_much(Author, Own, nothing);
        Standing::ALL.iter().for_each(|&standing| may_as_much(Outsider, standing, nothing));
    }

    #[test]
    fn every_refusal_is_one_that_is_documented_and_tells_no_more_than_it_may() {
        use Standing::*;
        for (&standing, &action) in Standing::ALL.iter().flat_map(|one| Action::ALL.iter().map(move |two| (one, two))) {
            let Err(refusal) = authorise(action, standing) else { continue };
            let allowed: &[Code] = match standing {
                Own | Author | Person | Friend | Reader | Outsider => &[Code::NotFound],
                Owner | Admin | Member | Peer | FormerMember => &[Code::Forbidden],
                MutedMember => &[Code::Forbidden, Code::Muted],
                Dismissed => &[Code::ConversationClosed],
                ClosedPeer | BlockedPeer => &[Code::Forbidden, Code::NotAllowed],
            };
            assert!(allowed.contains(&refusal.code), "{action:?} as {standing:?}: {refusal}");
        }
        for &action in Action::ALL {
            assert!(authorise(action, Outsider).is_err(), "{action:?}");
            // Whoever was blocked cannot tell it from a friendship that ended.
            assert_eq!(authorise(action, BlockedPeer), authorise(action, ClosedPeer), "{action:?}");
            let muted = authorise(action, MutedMember).is_err_and(|refusal| refusal.code == Code::Muted);
            let hushed = authorise(action, Member).is_ok() && authorise(action, MutedMember).is_err();
            assert_eq!(muted, hushed, "{action:?}: being muted is the reason where nothing else is");
        }
    }

    #[test]
    fn somebody_may_do_whatever_can_be_done() {
        for &action in Action::ALL {
            assert!(Standing::ALL.iter().any(|&standing| authorise(action, standing).is_ok()), "{action:?}");
        }
    }

    #[test]
    fn presence_is_for_friends() {
        assert!(authorise(Action::SeePresence, Standing::Friend).is_ok());
        for standing in [Standing::Own, Standing::Person, Standing::Peer, Standing::Member, Standing::Outsider] {
            assert!(authorise(Action::SeePresence, standing).is_err(), "{standing:?}");
        }
    }

    #[test]
    fn admins_do_not_remove_admins() {
        assert!(authorise(Action::RemoveMember, Standing::Admin).is_ok());
        assert!(authorise(Action::RemoveAdmin, Standing::Admin).is_err());
        assert!(authorise(Action::RemoveAdmin, Standing::Owner).is_ok());
    }
}
