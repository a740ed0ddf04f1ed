//! The folder of what is still coming: one file for each upload, which lies where its parts will be.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use anser_types::{Code, Error, Result, UploadId};

/// What is made here and not uploaded begins so; after a start nobody wants it any more.
const MADE: &str = "made-";

/// The folder.
pub(crate) struct Staging {
    dir: PathBuf,
    made: AtomicU64,
}

impl Staging {
    /// Makes the folder unless it is there, and removes what was just being made when the process ended.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let open = || {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            dir.parent().map_or(Ok(()), sync_dir)?;
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(MADE) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        open().map_err(|error: io::Error| io_error("open the folder of uploads", &error))?;
        Ok(Self { dir: dir.to_owned(), made: AtomicU64::new(0) })
    }

    pub(crate) fn path(&self, upload: UploadId) -> PathBuf {
        self.dir.join(upload.to_string())
    }

    /// Where something may be written that is made here.
    pub(crate) fn fresh(&self) -> PathBuf {
        self.dir.join(format!("{MADE}{}", self.made.fetch_add(1, Ordering::Relaxed)))
    }

    /// The uploads of which there are bytes, at most `most` of them.
    pub(crate) fn uploads(&self, most: usize) -> Result<Vec<UploadId>> {
        let entries = fs::read_dir(&self.dir).map_err(|error| io_error("read the folder of uploads", &error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.parse().ok()).take(most).collect())
    }
}

/// Writes `data` at a place of the file, which is made if it is not there. `sync`: and answers when all of the file is on stable
/// storage.
pub(crate) fn write_at(path: &Path, place: i64, data: &[u8], sync: bool) -> Result<()> {
    let write = || {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.write_all_at(data, place as u64)?;
        if sync { file.sync_data() } else { Ok(()) }
    };
    write().map_err(|error: io::Error| io_error("write an upload", &error))
}

/// Writes a new file, and answers when it is on stable storage.
pub(crate) fn write_new(path: &Path, data: &[u8]) -> Result<()> {
    write_at(path, 0, data, true)
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove an upload", &error)),
        _ => Ok(()),
    }
}

/// Makes what was created, renamed or removed in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// What a refusal of the disk is to callers.
pub(crate) fn io_error(what: &str, error: &io::Error) -> Error {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Error::new(Code::StorageFull, "the disk is full").retry_after(10_000);
    }
    tracing::error!(%error, "cannot {what}");
    Error::new(Code::FileStoreUnavailable, "files cannot be stored or read at the moment").retry_after(1_000)
}
