//! Conversations and who is in them: one file for each verb of the `Conversations` service.
//!
//! A verb reads as: who may, what must hold, what changes, what follows, what is answered. Rights are found and used
//! in one transaction. Every change of membership or relation is an entry of the log ([`notice`]); whoever is named in
//! an entry has a stay that begins or ends at its seq. All SQL of this half is in [`store`].
//!
//! Here does not live: what people write (`message`), what a person may read (`membership`).

mod accept_invitation;
mod apply_relation;
mod change_role;
mod create_group;
mod decline_invitation;
mod describe;
mod direct;
mod erase_person;
mod get_conversation;
mod guests;
mod invite;
mod leave;
mod list_conversations;
mod list_invitations;
mod list_members;
mod notice;
mod once;
mod open_direct;
mod page;
mod remove_member;
mod store;

pub use accept_invitation::accept_invitation;
pub use apply_relation::apply_relation;
pub use change_role::change_role;
pub use create_group::create_group;
pub use decline_invitation::decline_invitation;
pub use erase_person::erase_person;
pub use get_conversation::get_conversation;
pub use invite::invite;
pub use leave::leave;
pub use list_conversations::list_conversations;
pub use list_invitations::list_invitations;
pub use list_members::list_members;
pub use open_direct::open_direct;
pub use remove_member::remove_member;
pub use store::member_count;

use anser_types::{Action, ConversationId, Error, Result, Standing, UserId, authorise};

/// [`authorise`], with the thing named: an outsider is told that there is no such conversation.
fn allow(action: Action, standing: Standing) -> Result<()> {
    match standing {
        Standing::Outsider => Err(Error::not_found("conversation")),
        _ => authorise(action, standing),
    }
}

fn conversation_id(bytes: &[u8]) -> Result<ConversationId> {
    ConversationId::try_from(bytes).map_err(|error| Error::field("conversation_id", error.detail))
}

fn user_id(field: &str, bytes: &[u8]) -> Result<UserId> {
    UserId::try_from(bytes).map_err(|error| Error::field(field, error.detail))
}
