//! What contact decided about two people, taken into messaging's own tables: sends are judged by them.

use anser_contract::{
    Context,
    v1::{ApplyRelationReply, ApplyRelationRequest},
};
use anser_engine::Tx;
use anser_types::{ConversationId, Error, Result, UserId};

use super::{
    direct,
    store::{self, Pair},
    user_id,
};
use crate::{Messaging, notice::Notices};

/// Applies a relation, once for each version: an older or equal one changes nothing. The first friendship makes the
/// pair's conversation. An entry is written only where friendship changes whether the two may talk; a block is silent.
pub async fn apply_relation(
    room: &Messaging,
    ctx: &Context,
    request: ApplyRelationRequest,
) -> Result<ApplyRelationReply> {
    ctx.require_service()?;
    let people = (user_id("user_a", &request.user_a)?, user_id("user_b", &request.user_b)?);
    if people.0 == people.1 {
        return Err(Error::field("user_b", "another person than user_a"));
    }
    if request.version < 1 {
        return Err(Error::field("version", "1 or more"));
    }
    let (fresh, notices, strangers) = (ConversationId::new(&room.clock), Notices::new(room), room.options.strangers);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let pair = match store::pair(tx, people.0, people.1)? {
                Some(pair) if pair.version >= request.version => pair,
                known => {
                    let new = Pair {
                        conversation: known.map_or(fresh, |pair| pair.conversation),
                        version: request.version,
                        friends: request.friends,
                        blocked: request.blocked,
                    };
                    apply(tx, people, known, new, strangers, &notices)?;
                    new
                }
            };
            Ok(ApplyRelationReply { conversation_id: pair.conversation.to_vec(), applied_version: pair.version })
        })
        .await
}

fn apply(
    tx: &mut Tx<'_>,
    people: (UserId, UserId),
    known: Option<Pair>,
    new: Pair,
    strangers: bool,
    notices: &Notices,
) -> Result<()> {
    match known {
        None => store::insert_pair(tx, people.0, people.1, new)?,
        Some(_) => store::set_relation(tx, people.0, people.1, new)?,
    }
    let actor = people.0.min(people.1);
    if store::conversation(tx, new.conversation)?.is_none() {
        // Two who are no friends and never were: the id is kept for later, so that no older version can open it.
        return if new.friends { direct::make(tx, new.conversation, people, actor, notices) } else { Ok(()) };
    }
    // A block leaves no entry, so nothing else makes the send lane look again.
    notices.forget(new.conversation);
    let was_open = strangers || known.is_some_and(|pair| pair.friends);
    let is_open = strangers || new.friends;
    if was_open == is_open {
        return Ok(());
    }
    direct::tell(tx, new.conversation, is_open, actor, notices)
}
