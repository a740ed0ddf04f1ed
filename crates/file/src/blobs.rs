//! Where complete content lies: an object store with a key for each hash.
//!
//! Everything above this file knows keys and nothing of folders. Where the store is a local folder, making an object durable
//! is done here: the object store itself does not wait for the disk, and a second name for a file that is there already
//! costs nothing, where a copy would cost the whole file once more.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anser_contract::v1::FileVariant;
use anser_types::{Code, Error, Result};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path as Key};
use tokio::io::AsyncReadExt;

use crate::{
    blocking,
    staging::{self, io_error, sync_dir},
};

/// What is given to a store elsewhere at once.
const CHUNK: usize = 8 << 20;

/// The store of complete content. Cheap to clone.
#[derive(Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    /// The folder, where the store is one.
    local: Option<PathBuf>,
}

impl BlobStore {
    /// The store in a folder of this machine, which is made unless it is there.
    pub fn local(dir: &Path) -> Result<Self> {
        let open = || {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            dir.parent().map_or(Ok(()), sync_dir)
        };
        open().map_err(|error| io_error("open the folder of blobs", &error))?;
        let objects = LocalFileSystem::new_with_prefix(dir).map_err(|error| store_error("open", &error))?;
        Ok(Self { objects: Arc::new(objects), local: Some(dir.to_owned()) })
    }

    /// A store elsewhere, which answers a put when it is durable.
    pub fn elsewhere(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects, local: None }
    }

    /// Puts the content of the file at `path`, which is on stable storage, under `key`; answers when that is durable. The
    /// file stays. Whatever is there under the key belongs to nobody and is replaced.
    pub(crate) async fn put_file(&self, key: &str, path: PathBuf) -> Result<()> {
        match &self.local {
            Some(dir) => {
                let target = dir.join(key);
                blocking(move || link(&path, &target).map_err(|error| io_error("store a blob", &error))).await
            }
            None => self.send(key, &path).await,
        }
    }

    async fn send(&self, key: &str, path: &Path) -> Result<()> {
        let unread = |error: io::Error| io_error("read an upload", &error);
        let mut file = tokio::fs::File::open(path).await.map_err(unread)?;
        let mut upload =
            self.objects.put_multipart(&Key::from(key)).await.map_err(|error| store_error("write", &error))?;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await.map_err(unread)?;
            if chunk.is_empty() {
                break;
            }
            upload.put_part(PutPayload::from(chunk)).await.map_err(|error| store_error("write", &error))?;
        }
        upload.complete().await.map(|_| ()).map_err(|error| store_error("write", &error))
    }

    /// Puts `data` under `key`, by way of the file `by`; answers when it is durable.
    pub(crate) async fn put(&self, key: &str, by: PathBuf, data: Vec<u8>) -> Result<()> {
        let path = by.clone();
        blocking(move || staging::write_new(&path, &data)).await?;
        let put = self.put_file(key, by.clone()).await;
        blocking(move || staging::remove(&by)).await?;
        put
    }

    /// `length` bytes from `offset`, or as many as there are.
    pub(crate) async fn read(&self, key: &str, offset: u64, length: u64) -> Result<Bytes> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let range = offset..offset.saturating_add(length);
        match self.objects.get_range(&Key::from(key), range).await {
            Ok(bytes) => Ok(bytes),
            Err(object_store::Error::NotFound { .. }) => Err(Error::not_found("file")),
            Err(error) => Err(store_error("read", &error)),
        }
    }

    /// Removes what is under `key`, if anything is.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        match self.objects.delete(&Key::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(store_error("delete", &error)),
        }
    }

    /// The keys that begin with this part, at most `most` of them.
    pub(crate) async fn list(&self, part: &str, most: usize) -> Result<Vec<String>> {
        let listed = self.objects.list(Some(&Key::from(part)));
        let keys = listed.map_ok(|found| found.location.to_string()).take(most).try_collect().await;
        keys.map_err(|error| store_error("list", &error))
    }
}

/// The key of a variant of the content with this hash: `ab/cdef…`, with the variant behind it.
pub(crate) fn key(sha256: &[u8], variant: FileVariant) -> String {
    let digits = hex(sha256);
    let ending = match variant {
        FileVariant::Thumbnail => ".thumbnail",
        FileVariant::Small => ".small",
        FileVariant::Unspecified | FileVariant::Original => "",
    };
    format!("{}/{}{ending}", &digits[..2], &digits[2..])
}

/// The hash that a key was made of.
pub(crate) fn hash_of(key: &str) -> Option<Vec<u8>> {
    let (first, rest) = key.split_once('/')?;
    let rest = rest.split('.').next()?;
    unhex(&format!("{first}{rest}"))
}

/// In hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A SHA-256 in hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    (0..32).map(|index| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()).collect()
}

/// Gives a file a second name, durably.
fn link(path: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().ok_or_else(|| io::Error::other("a key has two parts"))?;
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        folder.parent().map_or(Ok(()), sync_dir)?;
    }
    match fs::remove_file(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Err(error) = fs::hard_link(path, target) {
        // Some file systems know one name for a file only.
        if error.kind() == io::ErrorKind::StorageFull {
            return Err(error);
        }
        fs::copy(path, target)?;
        fs::File::open(target)?.sync_all()?;
    }
    sync_dir(folder)
}

fn store_error(what: &str, error: &object_store::Error) -> Error {
    tracing::error!(%error, "cannot {what} a blob");
    Error::new(Code::FileStoreUnavailable, "files cannot be stored or read at the moment").retry_after(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_hash_and_nothing_else() {
        let hash: Vec<u8> = (0..32).collect();
        for variant in [FileVariant::Original, FileVariant::Thumbnail, FileVariant::Small] {
            let key = key(&hash, variant);
            assert!(key.starts_with("00/0102"), "{key}");
            assert_eq!(hash_of(&key), Some(hash.clone()));
        }
        for foreign in ["", "00", "00/01", "../etc/passwd", "lost+found/x"] {
            assert_eq!(hash_of(foreign), None, "{foreign}");
        }
    }
}
