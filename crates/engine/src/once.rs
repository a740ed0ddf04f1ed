//! Idempotency of changing calls: the same key with the same body is answered as the first time, for 24 hours.

use anser_types::{Code, Error, Result, Timestamp};

use crate::{Db, Tx, Value};

/// How long an answer is remembered.
pub const KEPT_MS: i64 = 24 * 3_600_000;
/// How many rows one closure sweeps.
const STEP: i64 = 500;

/// One call that carries an idempotency key. `user` is the caller's id (empty before login), `body_hash` a keyed hash
/// of what was asked.
#[derive(Clone, Debug)]
pub struct Once {
    /// Who calls.
    pub user: Vec<u8>,
    /// Which operation.
    pub route: &'static str,
    /// The client's key; empty: the call is not idempotent and [`Tx::once`] simply runs it.
    pub key: String,
    /// Hash of the request's content.
    pub body_hash: Vec<u8>,
}

impl Tx<'_> {
    /// Runs `change` once per key: a repeat gets the stored answer and changes nothing; the same key with another body
    /// is `idempotency_conflict`. The answer must hold ids only, never a secret or a body.
    pub fn once(
        &mut self,
        once: &Once,
        now: Timestamp,
        change: impl FnOnce(&mut Self) -> Result<Vec<u8>>,
    ) -> Result<Vec<u8>> {
        if once.key.is_empty() {
            return change(self);
        }
        let known = self.row(
            "SELECT body_hash, answer FROM engine_once WHERE user_id = ? AND route = ? AND once_key = ? AND at > ?",
            &[Value::from(&once.user), once.route.into(), (&once.key).into(), (now - KEPT_MS).into()],
            |row| Ok((row.blob(0)?, row.blob(1)?)),
        )?;
        match known {
            Some((body_hash, answer)) if body_hash == once.body_hash => Ok(answer),
            Some(_) => Err(Error::new(Code::IdempotencyConflict, "this key was used with another request")),
            None => {
                let answer = change(self)?;
                // One that is too old to count but was not swept yet.
                self.exec(
                    "DELETE FROM engine_once WHERE user_id = ? AND route = ? AND once_key = ?",
                    &[Value::from(&once.user), once.route.into(), (&once.key).into()],
                )?;
                self.exec(
                    "INSERT INTO engine_once (user_id, route, once_key, body_hash, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
                    &[
                        Value::from(&once.user),
                        once.route.into(),
                        (&once.key).into(),
                        (&once.body_hash).into(),
                        (&answer).into(),
                        now.into(),
                    ],
                )?;
                Ok(answer)
            }
        }
    }
}

/// Forgets what is older than a day, a bounded step at a time; answers whether there is more.
pub(crate) async fn sweep(db: &Db) -> Result<bool> {
    let before = db.clock().now() - KEPT_MS;
    db.write(move |tx| {
        let oldest = tx.rows(
            "SELECT at FROM engine_once WHERE at <= ? ORDER BY at LIMIT ?",
            &[before.into(), STEP.into()],
            |row| row.int(0),
        )?;
        if let Some(newest) = oldest.last() {
            tx.exec("DELETE FROM engine_once WHERE at <= ?", &[(*newest).into()])?;
        }
        Ok(oldest.len() as i64 == STEP)
    })
    .await
}
