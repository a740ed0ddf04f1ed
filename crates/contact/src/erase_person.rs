//! What contact holds of somebody whose account is closed goes, a bounded part at a time.
//!
//! Friendships and their blocks end as any do, so friends are told and messaging knows. Requests that wait expire; the
//! words of their requests go, the rest of a request is the other person's too. Then their own rows go. Everything is found
//! by what is still there, so a crash in the middle needs no more than another call.

use anser_contract::{
    Context,
    v1::{ErasePersonReply, ErasePersonRequest},
};
use anser_engine::Tx;
use anser_types::{Error, Result, Timestamp, UserId};

use crate::{ContactService, expire::expire_one, pair::Pair, relation, store};

/// Pairs whose relation one call ends; each takes two transactions.
const PAIRS_A_CALL: i64 = 50;
/// Rows of one kind that one transaction changes.
const ROWS_A_STEP: i64 = 100;

/// Does a part of it; answers whether there may be more.
pub(crate) async fn erase_person(
    contact: &ContactService,
    ctx: &Context,
    request: ErasePersonRequest,
) -> Result<ErasePersonReply> {
    ctx.require_service()?;
    let user = UserId::try_from(&request.user_id[..]).map_err(|error| Error::field("user_id", error.detail))?;
    let pairs = contact.db.read(move |reader| store::pairs_of(reader, user, PAIRS_A_CALL)).await?;
    for pair in &pairs {
        end_relation(contact, ctx, user, *pair).await?;
    }
    let now = contact.clock.now();
    let erased = contact.db.write(move |tx| erase_rows(tx, user, now)).await?;
    Ok(ErasePersonReply { more: !pairs.is_empty() || erased })
}

async fn end_relation(contact: &ContactService, ctx: &Context, user: UserId, pair: Pair) -> Result<()> {
    relation::finish(contact, ctx, pair).await?;
    let now = contact.clock.now();
    let decided = contact
        .db
        .write(move |tx| {
            let known = store::relation(tx, pair)?;
            relation::ensure_settled(known.as_ref())?;
            let left = known.filter(|known| known.friends || known.blocked_since(user).is_some());
            if let Some(mut relation) = left {
                (relation.friends, relation.since_at) = (false, now);
                relation.set_blocked(user, None);
                store::decide(tx, &relation)?;
            }
            relation::unsettled(tx, pair)
        })
        .await?;
    match decided {
        Some(decided) => relation::apply(contact, ctx, decided).await,
        None => Ok(()),
    }
}

/// Answers whether something was there.
fn erase_rows(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<bool> {
    let waiting = store::pending_of(tx, user, ROWS_A_STEP)?;
    let mut found = !waiting.is_empty();
    for request in waiting {
        expire_one(tx, request, now)?;
    }
    found |= store::forget_words(tx, user, ROWS_A_STEP)?;
    found |= store::forget_friends(tx, user, ROWS_A_STEP)?;
    found |= store::forget_blocks(tx, user, ROWS_A_STEP)?;
    found |= store::forget_categories(tx, user)?;
    Ok(found)
}
