//! Changes that people see: the version of each who sees it rises and they are told, in one transaction.

use anser_contract::v1::{Block, ContactChanged, Friend, PublicProfile, service_event::Event};
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

/// Makes a settled relation visible, with the request that led to it. Who sees nothing new is told nothing: so a block
/// is silent.
pub(crate) fn relation_changed(
    tx: &mut Tx<'_>,
    relation: &Relation,
    accepted: Option<&Request>,
    now: Timestamp,
) -> Result<()> {
    let mut versions = Vec::with_capacity(2);
    for (user, other) in relation.pair.sides() {
        let mut change = news(tx, relation, user, other)?;
        change.request = accepted.map(|request| request.view(now));
        if change == ContactChanged::default() {
            continue;
        }
        let version = store::bump(tx, user)?;
        show(tx, user, other, &change, version)?;
        tell(tx, user, version, change, now)?;
        versions.push((user, version));
    }
    if let (Some(request), [(lo, of_lo), (_, of_hi)]) = (accepted, &versions[..]) {
        let versions = if request.from == *lo { (*of_lo, *of_hi) } else { (*of_hi, *of_lo) };
        store::update_request(tx, request, versions)?;
    }
    Ok(())
}

/// What a relation is to `user` that they do not see yet.
fn news(tx: &Tx<'_>, relation: &Relation, user: UserId, other: UserId) -> Result<ContactChanged> {
    let mut news = ContactChanged::default();
    match (store::friend(tx, user, other)?, relation.friends) {
        (None, true) => {
            news.added_friend = Some(Friend {
                user_id: other.to_vec(),
                since_at: relation.since_at,
                conversation_id: relation.conversation_id.clone(),
                ..Friend::default()
            });
        }
        (Some(_), false) => {
            news.removed_friend = other.to_vec();
            news.removed_conversation = relation.conversation_id.clone();
        }
        _ => {}
    }
    match (store::block(tx, user, other)?, relation.blocked_since(user)) {
        (None, Some(since_at)) => news.added_block = Some(Block { user_id: other.to_vec(), since_at }),
        (Some(_), None) => news.removed_block = other.to_vec(),
        _ => {}
    }
    Ok(news)
}

fn show(tx: &mut Tx<'_>, user: UserId, other: UserId, change: &ContactChanged, version: i64) -> Result<()> {
    if let Some(friend) = &change.added_friend {
        store::put_friend(tx, user, friend, version)?;
    }
    if !change.removed_friend.is_empty() {
        store::remove_friend(tx, user, other, version)?;
    }
    if let Some(block) = &change.added_block {
        store::put_block(tx, user, block, version)?;
    }
    if !change.removed_block.is_empty() {
        store::remove_block(tx, user, other, version)?;
    }
    Ok(())
}

/// Stores what somebody noted about a friend and tells their devices. Nobody else sees it.
pub(crate) fn friend_changed(tx: &mut Tx<'_>, user: UserId, friend: Friend, now: Timestamp) -> Result<()> {
    let version = store::bump(tx, user)?;
    store::put_friend(tx, user, &friend, version)?;
    tell(tx, user, version, ContactChanged { changed_friend: Some(friend), ..Default::default() }, now)
}

/// Tells somebody that a friend of theirs changed what others see of them.
pub(crate) fn profile_changed(
    tx: &mut Tx<'_>,
    user: UserId,
    friend: UserId,
    profile: &PublicProfile,
    now: Timestamp,
) -> Result<()> {
    let version = store::bump(tx, user)?;
    store::touch_friend(tx, user, friend, version)?;
    tell(tx, user, version, ContactChanged { profile: Some(profile.clone()), ..Default::default() }, now)
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
