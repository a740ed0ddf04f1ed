//! What a commit sets going: told to the fan-out after it, in commit order, and never before.

use std::sync::Arc;

use anser_contract::v1::{Entry, Invitation, Outcome};
use anser_types::{ConversationId, UserId};

/// Names one gateway's stream while it stands.
pub type LinkId = u64;

/// Something that was committed.
pub enum Effect {
    /// Entries of one conversation, by one append.
    Appended(Arc<Appended>),
    /// A read cursor moved.
    Read {
        /// Whose.
        user: UserId,
        /// Where.
        conversation: ConversationId,
        /// To.
        read_seq: i64,
        /// What is unread now.
        unread: i64,
    },
    /// Somebody was asked into a group.
    Invited(Invitation),
    /// Somebody writes: not committed anywhere, and left out under load.
    Typing {
        /// Who.
        user: UserId,
        /// Where.
        conversation: ConversationId,
    },
    /// Devices have got further; left out under load.
    Delivered {
        /// Where.
        conversation: ConversationId,
        /// Whose, and how far.
        moved: Vec<(UserId, i64)>,
    },
    /// Outcomes of sends that came over a link.
    Outcomes(LinkId, Vec<Outcome>),
}

/// Entries of one conversation, by one append, and what they did to who is in it.
pub struct Appended {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The entries as readers get them, in seq order.
    pub entries: Vec<Entry>,
    /// What changes among them changed, as it now stands.
    pub targets: Vec<Entry>,
    /// The last one's position.
    pub last_position: i64,
    /// Who came in: they get these entries too.
    pub joined: Vec<UserId>,
    /// From where on those who came in may read.
    pub first_readable: i64,
    /// Who went: these entries are the last they get.
    pub left: Vec<UserId>,
    /// Which entries came over which link, and that gateway's name for the send.
    pub origins: Vec<(LinkId, i64, u64)>,
}
