//! Ends a block. What the two were to each other before holds again.

use anser_contract::{
    Context,
    v1::{BlockRequest, UnblockReply},
};
use anser_engine::Tx;
use anser_types::{Action, Error, Result, Standing, UserId, authorise};

use crate::{ContactService, pair::Pair, relation, store};

pub(crate) async fn unblock(contact: &ContactService, ctx: &Context, request: BlockRequest) -> Result<UnblockReply> {
    let me = ctx.user()?;
    let other = UserId::try_from(&request.user_id[..]).map_err(|error| Error::field("user_id", error.detail))?;
    let pair = Pair::of(me, other);
    let shown = contact.db.read(move |reader| store::block(reader, me, other)).await?;
    if let Some(decided) = relation::finish(contact, ctx, pair).await?
        && shown.is_some()
        && decided.blocked_since(me).is_none()
    {
        // An earlier attempt had got as far as the decision.
        return Ok(UnblockReply {});
    }
    let once = contact.fingerprints.once(me, "unblock", request.idempotency_key, &[other.as_bytes()]);
    let now = contact.clock.now();

    let decided = contact
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                decide(tx, me, pair)?;
                Ok(Vec::new())
            })?;
            relation::unsettled(tx, pair)
        })
        .await?;
    if let Some(decided) = decided {
        relation::apply(contact, ctx, decided).await?;
    }
    Ok(UnblockReply {})
}

fn decide(tx: &mut Tx<'_>, me: UserId, pair: Pair) -> Result<()> {
    let known = store::relation(tx, pair)?;
    relation::ensure_settled(known.as_ref())?;
    let known = known.filter(|relation| relation.blocked_since(me).is_some());
    let standing = if known.is_some() { Standing::Own } else { Standing::Outsider };
    authorise(Action::Unblock, standing).map_err(|_| Error::not_found("block"))?;
    let Some(mut relation) = known else { return Ok(()) };
    relation.set_blocked(me, None);
    store::decide(tx, &relation)?;
    tx.after_commit(|| metrics::counter!("anser_contact_decisions_total", "kind" => "unblocked").increment(1));
    Ok(())
}
