//! That somebody writes: passed to who is online, never stored, and the first thing to be left out under load.

use std::collections::HashMap;

use anser_contract::{
    Context,
    v1::{TypingReply, TypingRequest},
};
use anser_types::{Action, Clock, ConversationId, Result, Standing, Timestamp, UserId, authorise};
use parking_lot::Mutex;

use crate::{Messaging, conversation, effects::Effect, membership};

/// In larger groups nobody is told: somebody always writes.
const MEMBERS: i64 = 50;
/// One is told again that somebody writes after so long.
const AGAIN_MS: i64 = 3_000;
/// How many writers are remembered; beyond it new ones are passed over.
const WRITERS: usize = 65_536;

/// Passes it on, at most once every three seconds for each writer and conversation; what is too often is passed over.
pub async fn typing(room: &Messaging, ctx: &Context, request: TypingRequest) -> Result<TypingReply> {
    let user = ctx.user()?;
    let conversation = ConversationId::try_from(&request.conversation_id[..])?;
    let (strangers, now) = (room.options.strangers, room.clock.now());
    let (standing, members) = room
        .db
        .read(move |reader| {
            let (standing, _) = membership::standing_to_send(reader, conversation, user, strangers, now)?;
            Ok((standing, conversation::member_count(reader, conversation)?))
        })
        .await?;
    // A block shows when one speaks, and not before.
    if standing == Standing::BlockedPeer {
        return Ok(TypingReply {});
    }
    authorise(Action::Send, standing).map_err(membership::hide)?;
    if members <= MEMBERS && room.typists.pass(user, conversation) {
        room.fanout.shed(Effect::Typing { user, conversation });
    }
    Ok(TypingReply {})
}

/// Who was said to write lately.
pub struct Typists {
    clock: Clock,
    lately: Mutex<HashMap<(UserId, ConversationId), Timestamp>>,
}

impl Typists {
    /// Nobody.
    pub fn new(clock: Clock) -> Self {
        Self { clock, lately: Mutex::default() }
    }

    /// Whether it is to be told now that `user` writes in `conversation`.
    pub fn pass(&self, user: UserId, conversation: ConversationId) -> bool {
        let now = self.clock.now();
        let is_recent = |at: Timestamp| (0..AGAIN_MS).contains(&(now - at));
        let mut lately = self.lately.lock();
        if lately.get(&(user, conversation)).is_some_and(|at| is_recent(*at)) {
            return false;
        }
        if lately.len() >= WRITERS {
            lately.retain(|_, at| is_recent(*at));
        }
        if lately.len() >= WRITERS {
            return false;
        }
        lately.insert((user, conversation), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_told_of_every_three_seconds_in_each_conversation() {
        let clock = Clock::fixed(10_000);
        let typists = Typists::new(clock.clone());
        let (alice, bob) = (UserId([1; 16]), UserId([2; 16]));
        let (one, other) = (ConversationId([1; 16]), ConversationId([2; 16]));
        assert!(typists.pass(alice, one));
        clock.advance(2_999);
        assert!(!typists.pass(alice, one));
        assert!(typists.pass(alice, other) && typists.pass(bob, one));
        clock.advance(1);
        assert!(typists.pass(alice, one));
    }
}
