//! Blocks somebody, friend or stranger. Silent: the other person is told nothing.

use anser_contract::{
    Context,
    v1::{Block, BlockRequest, GetUsersRequest},
};
use anser_engine::Tx;
use anser_types::{Code, Error, Result, Timestamp, UserId};

use crate::{
    ContactService,
    pair::{Pair, Relation},
    relation, store,
};

pub(crate) async fn block(contact: &ContactService, ctx: &Context, request: BlockRequest) -> Result<Block> {
    let me = ctx.user()?;
    let other = UserId::try_from(&request.user_id[..]).map_err(|error| Error::field("user_id", error.detail))?;
    if other == me {
        return Err(Error::field("user_id", "must be somebody else"));
    }
    let known = contact.users.get_users(ctx, GetUsersRequest { user_ids: vec![other.to_vec()] }).await?;
    if known.users.is_empty() {
        return Err(Error::not_found("user"));
    }
    let pair = Pair::of(me, other);
    relation::finish(contact, ctx, pair).await?;
    let once = contact.fingerprints.once(me, "block", request.idempotency_key, &[other.as_bytes()]);
    let (most, now) = (contact.options.blocks_a_user, contact.clock.now());

    let (decided, since_at) = contact
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                decide(tx, me, pair, most, now)?;
                Ok(Vec::new())
            })?;
            let since_at = store::relation(tx, pair)?.and_then(|relation| relation.blocked_since(me));
            Ok((relation::unsettled(tx, pair)?, since_at))
        })
        .await?;
    if let Some(decided) = decided {
        relation::apply(contact, ctx, decided).await?;
    }
    let since_at = since_at.ok_or_else(|| Error::new(Code::Gone, "they were unblocked since"))?;
    Ok(Block { user_id: other.to_vec(), since_at })
}

fn decide(tx: &mut Tx<'_>, me: UserId, pair: Pair, most: usize, now: Timestamp) -> Result<()> {
    let known = store::relation(tx, pair)?;
    relation::ensure_settled(known.as_ref())?;
    let mut relation = known.unwrap_or_else(|| Relation::none(pair));
    if relation.blocked_since(me).is_some() {
        return Ok(());
    }
    if store::count_blocks(tx, me)? >= most as i64 {
        return Err(Error::new(Code::LimitExceeded, format!("nobody blocks more than {most} people")));
    }
    relation.set_blocked(me, Some(now));
    store::decide(tx, &relation)?;
    tx.after_commit(|| metrics::counter!("anser_contact_decisions_total", "kind" => "blocked").increment(1));
    Ok(())
}
