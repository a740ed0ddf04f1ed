//! What a closure gets to work with: [`Reader`] sees one snapshot, [`Tx`] also changes things.

use std::ops::Deref;

use anser_types::{Code, Error, Result};
use rusqlite::{CachedStatement, Connection, params_from_iter};
use tokio::time::Instant;

use crate::{Row, Value, sqlite::Faults};

/// One snapshot of the store. Statements are prepared once and cached by their text.
pub struct Reader<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) faults: &'c Faults,
    /// When the snapshot must end.
    pub(crate) until: Option<Instant>,
}

impl<'c> Reader<'c> {
    /// Every row of a query, mapped.
    pub fn rows<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params_from_iter(params)).map_err(|error| self.faults.tell(error))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.faults.tell(error))? {
            out.push(map(&Row(row))?);
        }
        Ok(out)
    }

    /// The first row of a query, mapped; `None` if there is none.
    pub fn row<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params_from_iter(params)).map_err(|error| self.faults.tell(error))?;
        rows.next().map_err(|error| self.faults.tell(error))?.map(|row| map(&Row(row))).transpose()
    }

    /// The number in the first column of the first row; 0 if there is no row or it is NULL.
    pub fn number(&self, sql: &str, params: &[Value<'_>]) -> Result<i64> {
        Ok(self.row(sql, params, |row| row.opt_int(0))?.flatten().unwrap_or(0))
    }

    /// Where the transaction is gone, the next statement would stand outside of any and commit by itself: so a closure
    /// that swallowed the error that ended its transaction gets no further.
    fn statement(&self, sql: &str) -> Result<CachedStatement<'c>> {
        if self.connection.is_autocommit() {
            return Err(Error::unavailable("the transaction was lost"));
        }
        if self.until.is_some_and(|until| Instant::now() > until) {
            return Err(Error::new(Code::DeadlineExceeded, "the question took too long"));
        }
        self.connection.prepare_cached(sql).map_err(|error| self.faults.tell(error))
    }
}

/// Something to do once the transaction is on stable storage.
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

/// A transaction. It also reads, and sees its own changes.
pub struct Tx<'c> {
    pub(crate) reader: Reader<'c>,
    pub(crate) service: &'static str,
    pub(crate) after_commit: Vec<AfterCommit>,
    pub(crate) emitted: bool,
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Self::Target {
        &self.reader
    }
}

impl Tx<'_> {
    /// Runs a statement that changes rows; answers how many.
    pub fn exec(&mut self, sql: &str, params: &[Value<'_>]) -> Result<usize> {
        let mut statement = self.reader.statement(sql)?;
        statement.execute(params_from_iter(params)).map_err(|error| self.reader.faults.tell(error))
    }

    /// Inserts one row unless its key is taken; answers whether it was inserted. `sql` begins with `INSERT INTO`.
    pub fn insert_new(&mut self, sql: &str, params: &[Value<'_>]) -> Result<bool> {
        debug_assert!(sql.trim_start().starts_with("INSERT INTO"));
        let sql = sql.replacen("INSERT INTO", "INSERT OR IGNORE INTO", 1);
        Ok(self.exec(&sql, params)? == 1)
    }

    /// Runs `effect` after this transaction has reached stable storage, on the writer's thread, in commit order, before
    /// the caller gets its answer. Dropped where the transaction is lost. It must be quick and must not block.
    pub fn after_commit(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(effect));
    }

    /// The service whose tables this transaction may touch.
    pub fn service(&self) -> &'static str {
        self.service
    }
}
