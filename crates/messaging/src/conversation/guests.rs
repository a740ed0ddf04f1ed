//! Bringing people in: who comes in at once, who is asked first, and whether there is room for them.

use std::collections::HashSet;

use anser_contract::v1::{Invitation, Role};
use anser_engine::{Reader, Tx};
use anser_types::{Code, ConversationId, Error, FieldError, Result, Timestamp, UserId};

use super::{notice::Notices, store};
use crate::{MessagingOptions, effects::Effect};

/// How many invitations may wait for one person.
const INVITATIONS: i64 = 500;

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
    /// Are members already.
    pub already: Vec<UserId>,
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
            if store::member(reader, conversation, guest)?.is_some() {
                sorted.already.push(guest);
            } else if options.strangers || store::are_friends(reader, host, guest)? {
                room_for_group(reader, guest, options)?;
                sorted.joining.push(guest);
            } else {
                room_for_invitation(reader, conversation, guest)?;
                sorted.asked.push(guest);
            }
        }
        room_for_members(store::member_count(reader, conversation)?, sorted.joining.len(), options)?;
        Ok(sorted)
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

/// Puts `guests` into a group as members, from the entry `from_seq` on. An invitation that waited is answered by it.
pub fn come_in(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    guests: &[UserId],
    from_seq: i64,
    now: Timestamp,
) -> Result<()> {
    for guest in guests {
        store::begin_stay(tx, conversation, *guest, from_seq, Role::Member, now)?;
        store::change_groups_joined(tx, *guest, 1)?;
        store::delete_invitation(tx, conversation, *guest)?;
    }
    Ok(())
}

/// Whether `more` people fit into a group of `count`.
pub fn room_for_members(count: i64, more: usize, options: &MessagingOptions) -> Result<()> {
    if more > 0 && count + more as i64 > options.group_members {
        return Err(Error::new(Code::LimitExceeded, format!("a group has {} members at most", options.group_members)));
    }
    Ok(())
}

/// Whether `user` may come into one more group.
pub fn room_for_group(reader: &Reader<'_>, user: UserId, options: &MessagingOptions) -> Result<()> {
    if store::groups_joined(reader, user)? >= options.conversations {
        return Err(full(user, format!("a person is in {} groups at most", options.conversations)));
    }
    Ok(())
}

fn room_for_invitation(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<()> {
    let another = !store::is_invited(reader, conversation, user)?;
    if another && store::invitation_count(reader, user)? >= INVITATIONS {
        return Err(full(user, format!("{INVITATIONS} invitations wait for a person at most")));
    }
    Ok(())
}

fn full(user: UserId, detail: String) -> Error {
    let mut error = Error::new(Code::LimitExceeded, detail.clone());
    error.fields.push(FieldError { field: user.to_string(), detail });
    error
}
