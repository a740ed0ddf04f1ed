//! Telling messaging what two people decided, and showing it to them once messaging knows.

use anser_contract::{Actor, Context, v1::ApplyRelationRequest};
use anser_engine::{Reader, Tx};
use anser_types::{Code, Error, Result, Timestamp};

use crate::{
    ContactService,
    pair::{Pair, Relation},
    store::{self, State},
    tell,
};

/// How many pairs one round of [`reconcile`] takes up.
const PAIRS_A_ROUND: i64 = 100;

/// The pair's decision, if messaging does not know of it yet.
pub(crate) fn unsettled(reader: &Reader<'_>, pair: Pair) -> Result<Option<Relation>> {
    Ok(store::relation(reader, pair)?.filter(|relation| !relation.settled))
}

/// Finishes what was decided about a pair earlier. Answers that decision, if there was one to finish.
pub(crate) async fn finish(contact: &ContactService, ctx: &Context, pair: Pair) -> Result<Option<Relation>> {
    let decided = contact.db.read(move |reader| unsettled(reader, pair)).await?;
    if let Some(relation) = &decided {
        apply(contact, ctx, relation.clone()).await?;
    }
    Ok(decided)
}

/// Refuses a new decision about a pair whose last one is not settled.
pub(crate) fn ensure_settled(relation: Option<&Relation>) -> Result<()> {
    match relation {
        Some(relation) if !relation.settled => Err(Error::unavailable("an earlier change is still under way")),
        _ => Ok(()),
    }
}

/// Refuses what the two may not do while one of them blocks the other, in words that do not say which.
pub(crate) fn ensure_open(relation: &Relation) -> Result<()> {
    if relation.blocked() { Err(not_allowed()) } else { Ok(()) }
}

/// The one refusal for everybody who may not ask somebody, so that it does not say why.
pub(crate) fn not_allowed() -> Error {
    Error::new(Code::NotAllowed, "you may not ask this person")
}

/// Tells messaging of a decision, and then shows it to both people.
pub(crate) async fn apply(contact: &ContactService, ctx: &Context, relation: Relation) -> Result<()> {
    let request = ApplyRelationRequest {
        user_a: relation.pair.lo.to_vec(),
        user_b: relation.pair.hi.to_vec(),
        version: relation.version,
        friends: relation.friends,
        blocked: relation.blocked(),
    };
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    let reply = contact.conversations.apply_relation(&service, request).await?;
    if reply.applied_version < relation.version {
        return Err(Error::unavailable("the change has not reached the conversation yet"));
    }
    let now = contact.clock.now();
    contact.db.write(move |tx| settle(tx, &relation, &reply.conversation_id, now)).await
}

/// Shows a decision that messaging knows of. Does nothing if somebody else was faster.
fn settle(tx: &mut Tx<'_>, told: &Relation, conversation: &[u8], now: Timestamp) -> Result<()> {
    let Some(mut relation) = unsettled(tx, told.pair)?.filter(|relation| relation.version == told.version) else {
        return Ok(());
    };
    if !conversation.is_empty() {
        relation.conversation_id = conversation.to_vec();
    }
    store::settle(tx, relation.pair, relation.version, &relation.conversation_id)?;
    let mut accepted = store::requests_between(tx, relation.pair, State::Accepting)?.pop();
    if let Some(request) = &mut accepted {
        request.state = State::Accepted;
        request.conversation_id = relation.conversation_id.clone();
    }
    tell::relation_changed(tx, &relation, accepted.as_ref(), now)
}

/// Tells messaging again of what it does not know yet. Stops at the first error that a later round may not meet.
pub(crate) async fn reconcile(contact: &ContactService) -> Result<usize> {
    let (waiting, count) = contact
        .db
        .read(|reader| Ok((store::unsettled(reader, PAIRS_A_ROUND)?, store::count_unsettled(reader)?)))
        .await?;
    metrics::gauge!("anser_contact_unsettled_pairs").set(count as f64);
    let mut settled = 0;
    for relation in waiting {
        match apply(contact, &Context::service(), relation).await {
            Ok(()) => settled += 1,
            Err(error) if error.retryable() => return Err(error),
            Err(error) => tracing::error!(%error, "messaging refuses a relation"),
        }
    }
    Ok(settled)
}
