//! The one conversation of two people: made once, closed and opened again, never a second one.

use anser_contract::v1::{Closed, ConversationKind, Opened, Role, content::Kind};
use anser_engine::Tx;
use anser_types::{ConversationId, Result, UserId};

use super::{
    notice::Notices,
    store::{self, ConversationRow},
};

/// Makes the conversation of `people`. Both are in it from its first entry on, for ever.
pub fn make(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    people: (UserId, UserId),
    actor: UserId,
    notices: &Notices,
) -> Result<()> {
    let (title, avatar) = (String::new(), String::new());
    let row =
        ConversationRow { kind: ConversationKind::Direct, title, avatar, created_at: notices.now, member_count: 2 };
    store::insert_conversation(tx, conversation, actor, &row)?;
    let people = [people.0, people.1];
    for user in people {
        store::begin_stay(tx, conversation, user, 1, Role::Member, notices.now)?;
    }
    notices.append(tx, conversation, actor, vec![Kind::Opened(Opened {})], people.to_vec(), Vec::new())?;
    Ok(())
}

/// Tells the two that they may talk again, or no longer.
pub fn tell(tx: &mut Tx<'_>, conversation: ConversationId, open: bool, actor: UserId, notices: &Notices) -> Result<()> {
    let what = if open { Kind::Opened(Opened {}) } else { Kind::Closed(Closed {}) };
    notices.append(tx, conversation, actor, vec![what], Vec::new(), Vec::new())?;
    Ok(())
}
