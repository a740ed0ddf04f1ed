//! Ends a friendship. The conversation closes and keeps its history; the other person is told.

use anser_contract::{
    Context,
    v1::{DeleteFriendReply, DeleteFriendRequest},
};
use anser_types::{Action, Error, Result, Standing, UserId, authorise};

use crate::{
    ContactService,
    pair::{Pair, Relation},
    relation, store,
};

pub(crate) async fn delete_friend(
    contact: &ContactService,
    ctx: &Context,
    request: DeleteFriendRequest,
) -> Result<DeleteFriendReply> {
    let me = ctx.user()?;
    let friend = UserId::try_from(&request.user_id[..]).map_err(|error| Error::field("user_id", error.detail))?;
    let pair = Pair::of(me, friend);
    let shown = contact.db.read(move |reader| store::friend(reader, me, friend)).await?;
    if let Some(decided) = relation::finish(contact, ctx, pair).await?
        && shown.is_some()
        && !decided.friends
    {
        // An earlier attempt had got as far as the decision.
        return Ok(DeleteFriendReply {});
    }
    let once = contact.fingerprints.once(me, "delete_friend", request.idempotency_key, &[friend.as_bytes()]);
    let now = contact.clock.now();

    let decided = contact
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                let known = store::relation(tx, pair)?;
                relation::ensure_settled(known.as_ref())?;
                let friends = known.filter(|relation| relation.friends);
                let standing = if friends.is_some() { Standing::Own } else { Standing::Outsider };
                authorise(Action::RemoveFriend, standing).map_err(|_| Error::not_found("friend"))?;
                let Some(relation) = friends else { return Ok(Vec::new()) };
                store::decide(tx, &Relation { friends: false, since_at: now, ..relation })?;
                tx.after_commit(|| {
                    metrics::counter!("anser_contact_decisions_total", "kind" => "removed").increment(1)
                });
                Ok(Vec::new())
            })?;
            relation::unsettled(tx, pair)
        })
        .await?;
    if let Some(decided) = decided {
        relation::apply(contact, ctx, decided).await?;
    }
    Ok(DeleteFriendReply {})
}
