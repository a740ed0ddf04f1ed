//! Telling friends that somebody's profile changed.
//!
//! The user service numbers the changes of profiles; this one follows the numbers with a cursor in its own tables and, for
//! each change, gives every friend a version of their own at which the friend's row moved: so a friend who was away finds
//! it as they find any change of their friends. The cursor moves in the transaction that tells, a bounded number of friends
//! at a time: after a crash it goes on where it was, and nobody is told twice of the same change.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anser_contract::{
    Context,
    v1::{ListChangedRequest, ProfileChange, PublicProfile},
};
use anser_engine::Tx;
use anser_types::{Error, Result, Timestamp, UserId};
use tokio::time::{sleep, timeout};

use crate::{
    ContactService,
    store::{self, ProfileCursor},
    tell,
};

/// Each costs three rows.
const FRIENDS_A_STEP: usize = 200;
/// Changes that one step looks at, at most.
const CHANGES_A_STEP: u32 = 100;
/// Between two looks, however much happens.
const PAUSE: Duration = Duration::from_millis(20);
/// A look that nothing asked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows the changes until the service is dropped. A change is heard of by its event; what the event is about is
/// asked for, so that a lost one costs a second.
pub(crate) async fn run(contact: Weak<ContactService>) {
    let Some(mut emitted) = contact.upgrade().map(|contact| contact.db.emitted()) else { return };
    loop {
        let Some(contact) = contact.upgrade() else { return };
        if let Err(error) = spread_all(&contact).await {
            tracing::warn!(%error, "friends could not be told of a profile");
        }
        drop(contact);
        sleep(PAUSE).await;
        if let Ok(Err(_closed)) = timeout(LOOK_EVERY, emitted.changed()).await {
            return;
        }
    }
}

/// Tells of everything that changed.
pub(crate) async fn spread_all(contact: &Arc<ContactService>) -> Result<()> {
    while spread(contact).await? {}
    Ok(())
}

/// One step; answers whether there may be more.
pub(crate) async fn spread(contact: &ContactService) -> Result<bool> {
    let after_no = contact.db.read(store::profile_cursor).await?.through;
    let request = ListChangedRequest { after_no, limit: CHANGES_A_STEP };
    let changes = contact.users.list_changed(&Context::service(), request).await?.items;
    if changes.is_empty() {
        return Ok(false);
    }
    let now = contact.clock.now();
    contact.db.write(move |tx| step(tx, &changes, now)).await?;
    Ok(true)
}

/// Most changes concern nobody, such as those who are new: several fit in a step.
fn step(tx: &mut Tx<'_>, changes: &[ProfileChange], now: Timestamp) -> Result<()> {
    let mut left = FRIENDS_A_STEP;
    for ProfileChange { change_no, profile } in changes {
        let Some(profile) = profile.as_ref().filter(|_| left > 0) else { break };
        left -= tell_friends(tx, *change_no, profile, left, now)?;
    }
    Ok(())
}

/// Tells as many friends of one change as may be told, and moves the cursor; answers how many it were.
fn tell_friends(
    tx: &mut Tx<'_>,
    change_no: i64,
    profile: &PublicProfile,
    most: usize,
    now: Timestamp,
) -> Result<usize> {
    let cursor = store::profile_cursor(tx)?;
    if cursor.through >= change_no {
        return Ok(0);
    }
    let user = UserId::try_from(&profile.user_id[..])?;
    // What another change had got to says nothing about this one.
    let after = if cursor.at_no == change_no { UserId::try_from(&cursor.friend_after[..]).ok() } else { None };
    let friends = store::friends(tx, user, after, most as i64)?;
    for friend in &friends {
        let friend = UserId::try_from(&friend.user_id[..]).map_err(|_| Error::internal("a friend without an id"))?;
        tell::profile_changed(tx, friend, user, profile, now)?;
    }
    let next = match friends.last() {
        Some(last) if friends.len() == most => {
            ProfileCursor { at_no: change_no, friend_after: last.user_id.clone(), ..cursor }
        }
        _ => ProfileCursor { through: change_no, ..ProfileCursor::default() },
    };
    store::set_profile_cursor(tx, &next)?;
    Ok(friends.len())
}
