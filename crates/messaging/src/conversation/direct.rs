//! The one conversation of two people: made once, closed and opened again, never a second one.

use anser_contract::v1::{Closed, ConversationKind, HistoryFor, Opened, Role, content::Kind};
use anser_engine::Tx;
use anser_types::{ConversationId, Result, UserId};

use super::store::{self, ConversationRow};
use crate::notice::Notices;

/// Makes the conversation of `people`. Both are in it from its first entry on, for ever.
pub fn make(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    people: (UserId, UserId),
    actor: UserId,
    notices: &Notices,
) -> Result<()> {
    store::insert_conversation(
        tx,
        conversation,
        actor,
        &ConversationRow::new(ConversationKind::Direct, notices.now, 2),
    )?;
    let people = [people.0, people.1];
    for user in people {
        store::begin_stay(tx, conversation, user, (1, 1), Role::Member, notices.now)?;
    }
    let opened = vec![Kind::Opened(Opened {})];
    notices.let_in(tx, conversation, actor, opened, people.to_vec(), HistoryFor::Joining)?;
    Ok(())
}

/// Tells the two that they may talk again, or no longer.
pub fn tell(tx: &mut Tx<'_>, conversation: ConversationId, open: bool, actor: UserId, notices: &Notices) -> Result<()> {
    let what = if open { Kind::Opened(Opened {}) } else { Kind::Closed(Closed {}) };
    notices.append(tx, conversation, actor, vec![what])?;
    Ok(())
}
