//! SQLite: how connections are opened and how its errors are told.

use std::path::Path;

use anser_types::{Code, Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::Durability;

/// How many statements a connection keeps prepared; more than the house has.
const STATEMENTS: usize = 256;

/// Opens the writer's connection and sets what the promises rest on.
pub(crate) fn open_writer(path: &Path, durability: Durability) -> Result<Connection> {
    let connection = Connection::open(path).map_err(map_error)?;
    configure(&connection)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
        Durability::Off => "OFF",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA secure_delete = ON;
             PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768;"
        ))
        .map_err(map_error)?;
    Ok(connection)
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags).map_err(map_error)?;
    configure(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096;").map_err(map_error)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;")
        .map_err(map_error)
}

/// An error of SQLite as one of ours. The cause is logged here, because it must not reach a client.
pub(crate) fn map_error(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => storage_full(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            tracing::error!(%error, "the store failed");
            Error::unavailable("the store failed")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OperationInterrupted) => {
            Error::unavailable("the store is busy")
        }
        _ => {
            tracing::error!(%error, "a statement failed");
            Error::internal("the store refused a statement")
        }
    }
}

/// The disk is full: retryable, because space can return.
pub(crate) fn storage_full() -> Error {
    Error::new(Code::StorageFull, "the disk is nearly full").retry_after(5_000)
}
