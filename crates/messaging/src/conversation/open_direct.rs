//! Talking to somebody who is no friend, where configuration lets strangers talk.

use anser_contract::{
    Context,
    v1::{Conversation, OpenDirectRequest},
};
use anser_engine::Tx;
use anser_types::{Code, ConversationId, Error, Result, UserId};

use super::{
    describe::describe,
    direct,
    once::once,
    store::{self, Pair},
    user_id,
};
use crate::{Messaging, MessagingOptions, notice::Notices};

/// The caller's conversation with somebody: the one they have, or a new one where strangers may talk. Whether the id
/// names a person is not known here; where strangers may talk it is believed.
pub async fn open_direct(room: &Messaging, ctx: &Context, request: OpenDirectRequest) -> Result<Conversation> {
    let user = ctx.user()?;
    let peer = user_id("user_id", &request.user_id)?;
    if peer == user {
        return Err(Error::field("user_id", "somebody else than yourself"));
    }
    let options = room.options.clone();
    if options.strangers {
        room.db.growth_allowed()?;
    }
    let once = once(room, user, "open_direct", &request.idempotency_key, &[peer.as_bytes()])?;
    let (fresh, notices) = (ConversationId::new(&room.clock), Notices::new(room));
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let found = tx.once(&once, notices.now, |tx| {
                let conversation = find_or_make(tx, user, peer, fresh, &notices, &options)?;
                Ok(conversation.to_vec())
            })?;
            describe(&notices.log.at(tx)?, ConversationId::try_from(&found[..])?, user, options.strangers, notices.now)
        })
        .await
}

fn find_or_make(
    tx: &mut Tx<'_>,
    user: UserId,
    peer: UserId,
    fresh: ConversationId,
    notices: &Notices,
    options: &MessagingOptions,
) -> Result<ConversationId> {
    let known = store::pair(tx, user, peer)?;
    if let Some(pair) = known
        && store::conversation(tx, pair.conversation)?.is_some()
    {
        return Ok(pair.conversation);
    }
    if !options.strangers || known.is_some_and(|pair| pair.blocked) {
        return Err(Error::new(Code::NotAllowed, "you may not talk to this person"));
    }
    // Friends bring their conversations with them, within the limit of friends; strangers are limited here.
    if store::conversations_joined(tx, user)? >= options.conversations {
        return Err(Error::new(
            Code::LimitExceeded,
            format!("a person opens {} conversations at most", options.conversations),
        ));
    }
    let conversation = known.map_or(fresh, |pair| pair.conversation);
    if known.is_none() {
        store::insert_pair(tx, user, peer, Pair { conversation, version: 0, friends: false, blocked: false })?;
    }
    direct::make(tx, conversation, (user, peer), user, notices)?;
    Ok(conversation)
}
