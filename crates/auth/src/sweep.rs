//! Background work: ends sessions whose time is over, forgets what nobody can ask for any more, in small steps, so that
//! the writer is never kept; tells which phone numbers profiles are to show, where that failed at first.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anser_types::Result;
use tokio::{task::JoinHandle, time::MissedTickBehavior};

use crate::{
    AuthService, codes,
    session::{self, End},
    store, tell_phone,
};

const EVERY: Duration = Duration::from_secs(60);
const ROWS_A_STEP: i64 = 100;
/// How long ended sessions are kept, and longer where access tokens live longer: gateways ask for them, and ending one
/// again must be recognised. Dead claims of names stay as long as an idempotency key may come back for them.
const KEPT_MS: i64 = 25 * 3_600_000;

pub(crate) fn start(auth: &Arc<AuthService>) -> JoinHandle<()> {
    let auth = Arc::downgrade(auth);
    tokio::spawn(run(auth))
}

async fn run(auth: Weak<AuthService>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(auth) = auth.upgrade() else { return };
        loop {
            match step(&auth).await {
                Ok(0) => break,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    tracing::warn!(%error, "sessions could not be swept");
                    break;
                }
            }
        }
        tell_phone::tell_soon(&auth).await;
    }
}

/// One transaction's worth; answers how many rows it dealt with.
pub(crate) async fn step(auth: &AuthService) -> Result<usize> {
    let now = auth.clock.now();
    let kept = KEPT_MS.max(2 * auth.options.access_ttl.as_millis() as i64);
    let (expired, forgotten, unclaimed, codes, paces) = auth
        .db
        .read(move |reader| {
            Ok((
                store::expired_sessions(reader, now, ROWS_A_STEP)?,
                store::ended_before(reader, now - kept, ROWS_A_STEP)?,
                store::stale_pending(reader, now - KEPT_MS, ROWS_A_STEP)?,
                store::expired_codes(reader, now, ROWS_A_STEP)?,
                store::old_paces(reader, now - codes::DAY_MS, ROWS_A_STEP)?,
            ))
        })
        .await?;
    let rows = expired.len() + forgotten.len() + unclaimed.len() + codes.len() + paces.len();
    if rows == 0 {
        return Ok(0);
    }
    auth.db
        .write(move |tx| {
            for session in &expired {
                // It may have been refreshed since it was read.
                if store::session_by_id(tx, session.id)?.is_some_and(|session| !session.is_open(now)) {
                    session::end(tx, session, End::Expired, now)?;
                }
            }
            for &session in &forgotten {
                store::delete_session(tx, session)?;
            }
            for (name, user) in &unclaimed {
                store::delete_pending(tx, name, *user)?;
            }
            for &code in &codes {
                store::delete_code(tx, code)?;
            }
            for phone_mac in &paces {
                store::delete_pace(tx, phone_mac)?;
            }
            Ok(())
        })
        .await?;
    Ok(rows)
}
