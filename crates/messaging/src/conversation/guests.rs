//! Bringing people in: who comes in at once, who is asked first, and whether there is room for them.

use std::collections::HashSet;

use anser_contract::v1::{HistoryFor, Invitation, Joined, Role, content::Kind};
use anser_engine::{Reader, Tx};
use anser_types::{Code, ConversationId, Error, FieldError, Result, Timestamp, UserId};

use super::store;
use crate::{
    MessagingOptions,
    effects::Effect,
    notice::{Notices, first_readable},
};

/// The people a call names, each once, `host` left out.
pub fn named(field: &'static str, ids: &[Vec<u8>], host: UserId, options: &MessagingOptions) -> Result<Vec<UserId>> {
    let mut seen = HashSet::from([host]);
    let mut guests = Vec::new();
    for id in ids {
        let guest = super::user_id(field, id)?;
        if seen.insert(guest) {
            guests.push(guest);
        }
    }
    if guests.len() > options.invite_batch {
        return Err(Error::field(field, format!("{} people at most", options.invite_batch)));
    }
    Ok(guests)
}

/// What is to become of the people a call names.
#[derive(Default)]
pub struct Guests {
    /// Come in at once: friends of the host.
    pub joining: Vec<UserId>,
    /// Are asked: nobody is brought anywhere by a stranger, unless configuration says so.
    pub asked: Vec<UserId>,
    /// Block the host or are blocked by them: to the host they look asked, and they hear of nothing.
    pub unheard: Vec<UserId>,
    /// Are members already.
    pub already: Vec<UserId>,
    /// Those of `joining` who had been asked before: their invitations are answered by it.
    answered: Vec<UserId>,
}

impl Guests {
    /// Finds out, changing nothing. A guest for whom there is no room fails the whole call, and is named.
    pub fn sort(
        reader: &Reader<'_>,
        conversation: ConversationId,
        host: UserId,
        guests: &[UserId],
        options: &MessagingOptions,
    ) -> Result<Self> {
        let mut sorted = Self::default();
        for &guest in guests {
            let stands = store::guest(reader, conversation, host, guest)?;
            if stands.member {
                sorted.already.push(guest);
            } else if stands.blocked {
                sorted.unheard.push(guest);
            } else if options.strangers || stands.friend {
                room_for_group(guest, stands.groups, options)?;
                sorted.joining.push(guest);
                sorted.answered.extend(stands.invited.then_some(guest));
            } else {
                room_for_invitation(reader, guest, stands.invited, options)?;
                sorted.asked.push(guest);
            }
        }
        room_for_members(store::member_count(reader, conversation)?, sorted.joining.len(), options)?;
        Ok(sorted)
    }

    /// Puts those who come in at once into the group, by the entry `joined_seq`.
    pub fn bring_in(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        joined_seq: i64,
        history: HistoryFor,
        now: Timestamp,
    ) -> Result<()> {
        for guest in &self.joining {
            come_in(tx, conversation, *guest, joined_seq, history, now)?;
        }
        for guest in &self.answered {
            store::delete_invitation(tx, conversation, *guest)?;
        }
        Ok(())
    }

    /// Asks those who are to be asked; who is asked already is not asked again.
    pub fn ask(
        &self,
        tx: &mut Tx<'_>,
        conversation: ConversationId,
        host: UserId,
        title: &str,
        notices: &Notices,
    ) -> Result<()> {
        for guest in &self.asked {
            if store::insert_invitation(tx, conversation, *guest, host, notices.now)? {
                let invitation = Invitation {
                    conversation_id: conversation.to_vec(),
                    user_id: guest.to_vec(),
                    invited_by: host.to_vec(),
                    created_at: notices.now,
                    title: title.to_owned(),
                };
                notices.tell(tx, Effect::Invited(invitation));
            }
        }
        Ok(())
    }
}

/// Puts somebody into a group who agreed to it, by an entry of `actor`: their own, or of whoever let them in. What
/// asked them in, or waited for consent, is answered by it.
pub fn join(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    guest: UserId,
    actor: UserId,
    notices: &Notices,
    options: &MessagingOptions,
) -> Result<()> {
    let group = store::conversation(tx, conversation)?.ok_or_else(|| Error::not_found("conversation"))?;
    if group.dismissed_at > 0 {
        return Err(Error::new(Code::ConversationClosed, "the group was closed for good"));
    }
    room_for_group(guest, store::groups_joined(tx, guest)?, options)?;
    room_for_members(group.member_count, 1, options)?;
    let joined = Kind::Joined(Joined { user_ids: vec![guest.to_vec()] });
    let history = group.rules.history();
    let seq = notices.let_in(tx, conversation, actor, vec![joined], vec![guest], history)?;
    come_in(tx, conversation, guest, seq, history, notices.now)?;
    store::change_member_count(tx, conversation, 1)?;
    store::delete_invitation(tx, conversation, guest)?;
    store::joining::delete_request(tx, conversation, guest)
}

/// Begins a member's stay, by the entry `joined_seq`.
fn come_in(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    guest: UserId,
    joined_seq: i64,
    history: HistoryFor,
    now: Timestamp,
) -> Result<()> {
    let from_seq = first_readable(joined_seq, history);
    if from_seq < joined_seq {
        // One stay that shows everything takes the place of all before it.
        store::delete_stays(tx, conversation, guest)?;
    }
    store::begin_stay(tx, conversation, guest, (from_seq, joined_seq), Role::Member, now)?;
    store::change_groups_joined(tx, guest, 1)
}

/// Whether `more` people fit into a group of `count`.
pub fn room_for_members(count: i64, more: usize, options: &MessagingOptions) -> Result<()> {
    if more > 0 && count + more as i64 > options.group_members {
        return Err(Error::new(Code::LimitExceeded, format!("a group has {} members at most", options.group_members)));
    }
    Ok(())
}

/// Whether `user`, who is in `groups` groups, may come into one more.
pub fn room_for_group(user: UserId, groups: i64, options: &MessagingOptions) -> Result<()> {
    if groups >= options.conversations {
        return Err(full(user, format!("a person is in {} groups at most", options.conversations)));
    }
    Ok(())
}

fn room_for_invitation(reader: &Reader<'_>, user: UserId, invited: bool, options: &MessagingOptions) -> Result<()> {
    if !invited && store::invitation_count(reader, user)? >= options.invitations {
        return Err(full(user, format!("{} invitations wait for a person at most", options.invitations)));
    }
    Ok(())
}

pub fn full(user: UserId, detail: String) -> Error {
    let mut error = Error::new(Code::LimitExceeded, detail.clone());
    error.fields.push(FieldError { field: user.to_string(), detail });
    error
}
