//! Conversations and who is in them: one file for each verb of the `Conversations` service.
//!
//! A verb reads as: who may, what must hold, what changes, what follows, what is answered. Rights are found and used
//! in one transaction. Every change of membership or relation is an entry of the log ([`crate::notice`]); whoever is named in
//! an entry has a stay that begins or ends at its seq. All SQL of this half is in [`store`].
//!
//! Here does not live: what people write (`message`), what a person may read (`membership`).

mod accept_invitation;
mod apply_relation;
mod change_group;
mod change_role;
mod change_settings;
mod consent;
mod create_group;
mod decline_invitation;
mod describe;
mod direct;
mod dismiss_group;
mod erase_person;
mod get_conversation;
mod guests;
mod invite;
mod join_by_link;
mod join_links;
mod join_requests;
mod leave;
mod list_conversations;
mod list_invitations;
mod list_members;
mod mute;
mod once;
mod open_direct;
pub mod page;
mod remove_member;
mod set_member_nickname;
pub mod store;
mod transfer_ownership;
mod words;

pub use accept_invitation::accept_invitation;
pub use apply_relation::apply_relation;
pub use change_group::change_group;
pub use change_role::change_role;
pub use change_settings::{change_settings, sync_settings};
pub use create_group::create_group;
pub use decline_invitation::decline_invitation;
pub use dismiss_group::dismiss_group;
pub use erase_person::erase_person;
pub use get_conversation::get_conversation;
pub use invite::invite;
pub use join_by_link::{join_by_link, look_at_join_link};
pub use join_links::{create_join_link, list_join_links, revoke_join_link};
pub use join_requests::{answer_join_request, list_join_requests};
pub use leave::leave;
pub use list_conversations::list_conversations;
pub use list_invitations::list_invitations;
pub use list_members::list_members;
pub use mute::mute;
pub use once::once;
pub use open_direct::open_direct;
pub use remove_member::remove_member;
pub use set_member_nickname::set_member_nickname;
pub use store::member_count;
pub use transfer_ownership::transfer_ownership;

use anser_contract::v1::Role;
use anser_engine::{Reader, Tx};
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

/// The role of somebody who is a member now.
pub fn role_of(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Option<Role>> {
    Ok(store::member(reader, conversation, user)?.map(|member| member.role()))
}

/// Counts a change of what `user` set for themselves; answers its version.
pub fn settings_version(tx: &mut Tx<'_>, user: UserId) -> Result<i64> {
    store::settings::next_version(tx, user)
}
