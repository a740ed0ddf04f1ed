//! What people do with files, in any order, and what is left of it.

mod hostile;
mod keeping;
mod sweeping;
mod uploading;

use std::sync::Arc;

use anser_contract::{
    Actor, Context,
    v1::{
        CompleteUploadRequest, CreateUploadRequest, File, FileVariant, Files, GetFilesRequest, GetUploadRequest,
        HoldFilesRequest, ReadFileRequest, Upload, WritePartRequest,
    },
};
use anser_engine::{Db, DbOptions, SpaceLimits};
use anser_types::{Clock, Result, SessionId, UserId};
use tempfile::TempDir;

use crate::{BlobStore, FileOptions, FileService, MIGRATIONS, thumbnails};

const ALICE: UserId = UserId([1; 16]);
const BOB: UserId = UserId([2; 16]);
const SESSION: SessionId = SessionId([9; 16]);
const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 24 * 3_600_000;

/// A file service on a store of its own.
struct Shelf {
    files: Arc<FileService>,
    clock: Clock,
    db: Db,
    options: FileOptions,
    folder: TempDir,
}

fn by(user: UserId) -> Context {
    Context::new(Actor::User(user, SESSION), "test")
}

impl Shelf {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// Parts of ten bytes, unless `change` says otherwise.
    fn with(change: impl FnOnce(&mut FileOptions)) -> Self {
        Self::on(change, SpaceLimits { growth_below: Some(0), writes_below: 0 })
    }

    /// On a disk that counts as full below these limits.
    fn on(change: impl FnOnce(&mut FileOptions), space: SpaceLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW);
        let options = DbOptions { space, ..DbOptions::new(folder.path()) };
        let db = Db::open(&options, MIGRATIONS, clock.clone()).unwrap();
        let mut options = FileOptions { part_bytes: 10, ..FileOptions::default() };
        change(&mut options);
        let files = open(&db, &folder, &options, &clock);
        Self { files, clock, db, options, folder }
    }

    /// The service as it is after a start of the process.
    fn reopened(self) -> Self {
        let files = open(&self.db, &self.folder, &self.options, &self.clock);
        Self { files, ..self }
    }

    async fn begin(&self, user: UserId, name: &str, size: i64) -> Result<Upload> {
        let request = CreateUploadRequest { name: name.into(), size, ..CreateUploadRequest::default() };
        self.files.create_upload(&by(user), request).await
    }

    async fn begin_at_once(&self, user: UserId, name: &str) -> Result<Upload> {
        let request =
            CreateUploadRequest { name: name.into(), size: -1, at_once: true, ..CreateUploadRequest::default() };
        self.files.create_upload(&by(user), request).await
    }

    async fn write(&self, user: UserId, upload: &Upload, part: u32, data: &[u8]) -> Result<i64> {
        self.piece(user, upload, part, 0, data, true).await
    }

    async fn piece(
        &self,
        user: UserId,
        upload: &Upload,
        part: u32,
        offset: i64,
        data: &[u8],
        last: bool,
    ) -> Result<i64> {
        let upload_id = upload.upload_id.clone();
        let request = WritePartRequest { upload_id, part, offset, data: data.to_vec(), last };
        Ok(self.files.write_part(&by(user), request).await?.next_offset)
    }

    async fn complete(&self, user: UserId, upload: &Upload) -> Result<File> {
        let request = CompleteUploadRequest { upload_id: upload.upload_id.clone() };
        self.files.complete_upload(&by(user), request).await
    }

    async fn state(&self, user: UserId, upload: &Upload) -> Result<Upload> {
        self.files.get_upload(&by(user), GetUploadRequest { upload_id: upload.upload_id.clone() }).await
    }

    /// A file of `user`'s that came with one request.
    async fn put(&self, user: UserId, name: &str, data: &[u8]) -> Result<File> {
        let upload = self.begin_at_once(user, name).await?;
        let mut offset = 0;
        let mut pieces = data.chunks(1 << 20).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            offset = self.piece(user, &upload, 1, offset, piece, last).await?;
        }
        if data.is_empty() {
            self.piece(user, &upload, 1, 0, &[], true).await?;
        }
        self.complete(user, &upload).await
    }

    async fn read(&self, file: &File, variant: FileVariant) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let request = ReadFileRequest {
                file_id: file.file_id.clone(),
                variant: variant.into(),
                offset: bytes.len() as i64,
                limit: 1 << 20,
            };
            let reply = self.files.read_file(&by(BOB), request).await?;
            bytes.extend_from_slice(&reply.data);
            if bytes.len() as i64 >= reply.size {
                return Ok(bytes);
            }
            assert!(!reply.data.is_empty(), "there is more, and it does not come");
        }
    }

    async fn known(&self, file: &File) -> Option<File> {
        let request = GetFilesRequest { file_ids: vec![file.file_id.clone()] };
        self.files.get_files(&by(ALICE), request).await.unwrap().items.into_iter().next()
    }

    async fn hold(&self, file: &File, release: bool) {
        let request = HoldFilesRequest { file_ids: vec![file.file_id.clone()], release };
        self.files.hold_files(&Context::service(), request).await.unwrap();
    }

    /// Makes the thumbnails that wait.
    async fn make_thumbnails(&self) {
        while thumbnails::round(&self.files.room).await.unwrap() > 0 {}
    }

    /// Sweeps until nothing goes any more.
    async fn sweep(&self) {
        while self.files.sweep().await.unwrap() > 0 {}
    }

    /// The names of all that lies in a folder of the data.
    fn lies_in(&self, name: &str) -> Vec<String> {
        fn walk(path: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(path).unwrap().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), found);
                } else {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.folder.path().join(name), &mut found);
        found.sort();
        found
    }
}

fn open(db: &Db, folder: &TempDir, options: &FileOptions, clock: &Clock) -> Arc<FileService> {
    let blobs = BlobStore::local(&folder.path().join("blobs")).unwrap();
    let uploads = folder.path().join("uploads");
    FileService::new(db, blobs, &uploads, [7; 32], options.clone(), clock.clone()).unwrap()
}
