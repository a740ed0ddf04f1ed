//! SQLite: how connections are opened and how its errors are told.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anser_types::{Code, Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, ffi};

use crate::{Durability, failure::sync_dir};

/// The store's file. SQLite keeps its log and index beside it (`-wal`, `-shm`).
pub(crate) const FILE: &str = "anser.db";
pub(crate) const WAL: &str = "anser.db-wal";
pub(crate) const WAL_INDEX: &str = "anser.db-shm";
/// The size of a page, and of a page in the write-ahead log with its header.
pub(crate) const PAGE: u64 = 4_096;
pub(crate) const FRAME: u64 = PAGE + 24;
/// How many statements a connection keeps prepared; more than the house has.
const STATEMENTS: usize = 256;

/// Makes the store's file, for its owner alone, and its place in the directory durable. SQLite syncs the directory for
/// its log, and gives the log the rights of the file, but it does neither for the file itself.
pub(crate) fn create(dir: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(FILE));
    match made.and_then(|file| file.sync_all()).and_then(|()| sync_dir(dir)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::unavailable(format!("cannot make the store in {}: {error}", dir.display())))
        }
        _ => Ok(()),
    }
}

/// Opens a connection that writes and sets what the promises rest on.
pub(crate) fn open_writer(path: &Path, durability: Durability, faults: &Faults) -> Result<Connection> {
    let connection = Connection::open(path).map_err(|error| faults.tell(error))?;
    configure(&connection)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
        Durability::Off => "OFF",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA page_size = {PAGE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
             PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA secure_delete = ON;
             PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768;"
        ))
        .map_err(|error| faults.tell(error))?;
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

/// Opens a store that nobody changes, without a log or a lock beside it.
pub(crate) fn open_frozen(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    // The characters that mean something in a URI.
    let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags).map_err(map_error)?;
    configure(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(map_error)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this a statement is prepared anew each time a parameter changes that its plan might depend on.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(map_error)?;
    connection
        .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;")
        .map_err(map_error)
}

/// Runs a statement without parameters, prepared once.
pub(crate) fn execute(connection: &Connection, faults: &Faults, sql: &'static str) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| faults.tell(error))
}

/// I/O errors that a connection met. A closure may swallow the error that it was given; the writer must not.
#[derive(Default)]
pub(crate) struct Faults {
    io: RefCell<Option<String>>,
    full: RefCell<bool>,
}

impl Faults {
    /// Notes the error where it matters, and tells it as one of ours.
    pub(crate) fn tell(&self, error: rusqlite::Error) -> Error {
        let told = map_error_ref(&error);
        if told.code == Code::StorageFull {
            self.full.replace(true);
        } else if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            self.io.borrow_mut().get_or_insert_with(|| error.to_string());
        }
        told
    }

    /// The first I/O error since the last look.
    pub(crate) fn take_io(&self) -> Option<String> {
        self.io.take()
    }

    /// Whether the disk was full since the last look.
    pub(crate) fn take_full(&self) -> bool {
        self.full.take()
    }
}

/// An error of SQLite as one of ours. The cause is logged here, because it must not reach a client.
pub(crate) fn map_error(error: rusqlite::Error) -> Error {
    map_error_ref(&error)
}

fn map_error_ref(error: &rusqlite::Error) -> Error {
    // The index of the log could not grow: nothing was written yet, and space can return.
    if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) {
        return storage_full();
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => storage_full(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            tracing::error!(%error, "the store failed");
            Error::unavailable("the store failed")
        }
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OperationInterrupted
            | ErrorCode::OutOfMemory,
        ) => Error::unavailable("the store is busy"),
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

/// Whatever recovery brought back from a log that was perhaps never synced is on stable storage after this: one durable
/// commit, or, where the disk has no room for one, a sync of the log itself.
pub(crate) fn settle(connection: &Connection, path: &Path, faults: &Faults) -> Result<()> {
    let commit = connection.execute_batch("BEGIN IMMEDIATE; UPDATE engine_store SET starts = starts + 1; COMMIT;");
    let Err(error) = commit.map_err(|error| faults.tell(error)) else { return Ok(()) };
    if error.code != Code::StorageFull {
        return Err(error);
    }
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(|error| faults.tell(error))?;
    }
    sync_log(path).map_err(|error| {
        faults.io.borrow_mut().get_or_insert_with(|| error.to_string());
        Error::unavailable("the store failed")
    })
}

/// Only the log can hold what was never synced. (To open and close the store's file beside SQLite would give back the
/// locks that the process has on it; SQLite locks nothing in the log.)
fn sync_log(path: &Path) -> io::Result<()> {
    File::open(path.with_file_name(WAL))?.sync_all()?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// The name of this store, made with it.
pub(crate) fn epoch(connection: &Connection) -> Result<[u8; 16]> {
    connection.query_row("SELECT epoch FROM engine_store", [], |row| row.get(0)).map_err(map_error)
}
