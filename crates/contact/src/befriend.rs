//! The decision that two people are friends now, by accepting a request or by crossing it.

use anser_engine::Tx;
use anser_types::{Code, Error, Result, Timestamp, UserId};

use crate::{
    pair::{Pair, Relation},
    relation,
    store::{self, Request},
};

/// Stores the decision. Nobody sees it before messaging knows.
pub(crate) fn befriend(tx: &mut Tx<'_>, request: &Request, most_friends: usize, now: Timestamp) -> Result<()> {
    let pair: Pair = request.pair();
    let relation = store::relation(tx, pair)?.unwrap_or_else(|| Relation::none(pair));
    relation::ensure_open(&relation)?;
    for (user, _) in pair.sides() {
        ensure_room(tx, user, most_friends)?;
    }
    store::set_accepting(tx, request.id)?;
    store::decide(tx, &Relation { friends: true, since_at: now, ..relation })?;
    tx.after_commit(|| metrics::counter!("anser_contact_decisions_total", "kind" => "friends").increment(1));
    Ok(())
}

fn ensure_room(tx: &Tx<'_>, user: UserId, most_friends: usize) -> Result<()> {
    if store::count_friends(tx, user)? < most_friends as i64 {
        return Ok(());
    }
    Err(Error::new(Code::LimitExceeded, format!("nobody has more than {most_friends} friends")))
}
