//! Requests that nobody answered in time.

use anser_engine::Tx;
use anser_types::{Result, Timestamp};

use crate::{
    ContactService,
    store::{self, Request, State},
    tell,
};

const REQUESTS_A_ROUND: i64 = 50;

/// Lets overdue requests expire, a bounded number of them; answers how many.
pub(crate) async fn expire(contact: &ContactService) -> Result<usize> {
    let now = contact.clock.now();
    if contact.db.read(move |reader| store::overdue(reader, now, 1)).await?.is_empty() {
        return Ok(0);
    }
    contact
        .db
        .write(move |tx| {
            let overdue = store::overdue(tx, now, REQUESTS_A_ROUND)?;
            let count = overdue.len();
            for request in overdue {
                expire_one(tx, request, now)?;
            }
            Ok(count)
        })
        .await
}

pub(crate) fn expire_one(tx: &mut Tx<'_>, request: Request, now: Timestamp) -> Result<()> {
    let expired = Request { state: State::Expired, ..request };
    tell::request_changed(tx, &expired, store::update_request, now)
}
