//! Changes that people see: the version of each who sees it rises and they are told, in one transaction.

use anser_contract::v1::{ContactChanged, Friend, service_event::Event};
use anser_engine::Tx;
use anser_types::{Result, Timestamp, UserId};

use crate::{
    pair::Relation,
    store::{self, Request},
};

/// Stores a request (`store` says how) and tells both people where it stands.
pub(crate) fn request_changed(
    tx: &mut Tx<'_>,
    request: &Request,
    store: fn(&mut Tx<'_>, &Request, (i64, i64)) -> Result<()>,
    now: Timestamp,
) -> Result<()> {
    let versions = (store::bump(tx, request.from)?, store::bump(tx, request.to)?);
    store(tx, request, versions)?;
    for (user, version) in [(request.from, versions.0), (request.to, versions.1)] {
        tell(tx, user, version, ContactChanged { request: Some(request.view(now)), ..Default::default() }, now)?;
    }
    Ok(())
}

/// Makes a settled relation visible to both, with the request that led to it.
pub(crate) fn relation_changed(
    tx: &mut Tx<'_>,
    relation: &Relation,
    accepted: Option<&Request>,
    now: Timestamp,
) -> Result<()> {
    let pair = relation.pair;
    let (lo, hi) = (store::bump(tx, pair.lo)?, store::bump(tx, pair.hi)?);
    if let Some(request) = accepted {
        let versions = if request.from == pair.lo { (lo, hi) } else { (hi, lo) };
        store::update_request(tx, request, versions)?;
    }
    for ((user, other), version) in pair.sides().into_iter().zip([lo, hi]) {
        let mut change = ContactChanged { request: accepted.map(|request| request.view(now)), ..Default::default() };
        if relation.friends {
            let friend = Friend {
                user_id: other.to_vec(),
                since_at: relation.since_at,
                conversation_id: relation.conversation_id.clone(),
                ..Friend::default()
            };
            store::put_friend(tx, user, &friend, version)?;
            change.added_friend = Some(friend);
        } else {
            store::remove_friend(tx, user, other, version)?;
            change.removed_friend = other.to_vec();
            change.removed_conversation = relation.conversation_id.clone();
        }
        tell(tx, user, version, change, now)?;
    }
    Ok(())
}

/// Stores what somebody noted about a friend and tells their devices. Nobody else sees it.
pub(crate) fn friend_changed(tx: &mut Tx<'_>, user: UserId, friend: Friend, now: Timestamp) -> Result<()> {
    let version = store::bump(tx, user)?;
    store::put_friend(tx, user, &friend, version)?;
    tell(tx, user, version, ContactChanged { changed_friend: Some(friend), ..Default::default() }, now)
}

/// Tells somebody's devices of their categories as they now are. Nobody else sees them.
pub(crate) fn categories_changed(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<()> {
    let version = store::bump(tx, user)?;
    store::set_categories_version(tx, user, version)?;
    let categories = Some(store::categories(tx, user)?);
    tell(tx, user, version, ContactChanged { categories, ..Default::default() }, now)
}

fn tell(tx: &mut Tx<'_>, user: UserId, version: i64, change: ContactChanged, now: Timestamp) -> Result<()> {
    tx.emit(now, Event::ContactChanged(ContactChanged { user_id: user.to_vec(), version, ..change }))
}
