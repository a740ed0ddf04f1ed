//! Files: uploads, what they become, thumbnails and faces.
//!
//! - **Tables**: `file_upload` and `file_part` (what is still coming), `file_file` (whose a complete file is), `file_blob`
//!   (what is stored, once for each content), `file_usage`.
//! - **Folders**: `uploads/` holds what is still coming, one file for each upload; the blob store ([`BlobStore`]) holds what is
//!   complete, under names made of its hash.
//! - **Calls**: nobody.
//! - **Tells**: nobody.
//! - **Holds always**: a row of `file_file` leads to a blob that is whole, hashed and on stable storage; what a file is was
//!   found in its bytes; its name is text and never a path; a blob is stored once, and goes after its last file.
//!
//! A file is made in this order: the bytes reach the disk (`write_part`), they are hashed and looked at
//! (`complete_upload`), they get a second name in the blob store, and one transaction makes them a file. A crash before that transaction
//! leaves an upload that can be completed again, and at most a blob without a row, which the sweep finds.
//! Whatever would put a blob there or take it away holds that hash's lock (`shards`), so that nobody finds a blob that is
//! just going.
//!
//! Here does not live: who else may read a file (messaging knows which messages name it, the gateway asks), ranges,
//! archives and everything else of HTTP.

mod abort_upload;
mod blobs;
mod claim_files;
mod complete_upload;
mod create_upload;
mod desk;
mod downloads;
mod erase_files;
mod examine;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod get_files;
mod get_upload;
mod get_usage;
mod header;
mod hold_files;
mod keeper;
mod list_uploads;
mod make_avatar;
mod name;
mod options;
mod picture;
mod read_file;
mod sniff;
mod staging;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod thumbnails;
mod write_part;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU8},
};

use anser_contract::{
    Context,
    v1::{
        AbortUploadReply, AbortUploadRequest, ClaimFilesRequest, CompleteUploadRequest, CreateUploadRequest,
        ErasePersonReply, ErasePersonRequest, File, FileUsage, Files, GetFilesReply, GetFilesRequest, GetUploadRequest,
        GetUsageRequest, HoldFilesReply, HoldFilesRequest, ListUploadsReply, ListUploadsRequest, MakeAvatarRequest,
        MintDownloadReply, MintDownloadRequest, ReadFileReply, ReadFileRequest, RedeemDownloadReply,
        RedeemDownloadRequest, Upload, WritePartReply, WritePartRequest,
    },
};
use anser_engine::{Db, Fingerprints, Migration};
use anser_types::{Clock, Error, Result, page::PageTokens};
use tokio::{
    sync::{Mutex, MutexGuard, Notify, Semaphore},
    task::JoinHandle,
};

pub use blobs::BlobStore;
pub use keeper::{CheckedFiles, FileKeeper};
pub use options::FileOptions;

use desk::Desk;
use staging::Staging;

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] =
    &[Migration { service: "file", number: 1, sql: include_str!("../migrations/0001_files.sql") }];

/// The longest piece of a file that travels at once.
pub const PIECE_BYTES: usize = 1 << 20;

/// Files that are hashed at the same time: more would only wait for the same disk.
const HASHING: usize = 2;
/// Locks over the hashes; two contents that share one wait for each other now and then.
const SHARDS: usize = 64;

/// The service.
pub struct FileService {
    room: Arc<Room>,
}

/// What the verbs share.
struct Room {
    db: Db,
    blobs: BlobStore,
    staging: Staging,
    options: FileOptions,
    clock: Clock,
    secret: [u8; 32],
    pages: PageTokens,
    fingerprints: Fingerprints,
    desk: Desk,
    hashing: Semaphore,
    /// Megabytes that pictures may take while they are decoded.
    decoding: Semaphore,
    shards: Vec<Mutex<()>>,
    /// Rung when a picture waits for its thumbnail.
    pictures: Arc<Notify>,
    /// Which first byte of hashes the sweep compares with the table next. One place to begin is as good as another.
    next_prefix: AtomicU8,
}

impl FileService {
    /// The service over its tables in `db`, with `uploads` as the folder of what is still coming. `secret` goes into
    /// downloads, page cursors and the hashes of idempotent requests: the same in every start.
    pub fn new(
        db: &Db,
        blobs: BlobStore,
        uploads: &Path,
        secret: [u8; 32],
        options: FileOptions,
        clock: Clock,
    ) -> Result<Arc<Self>> {
        let room = Room {
            db: db.scoped("file"),
            blobs,
            staging: Staging::open(uploads)?,
            clock,
            secret,
            pages: PageTokens::new(secret),
            fingerprints: Fingerprints::new(secret),
            desk: Desk::default(),
            hashing: Semaphore::new(HASHING),
            decoding: Semaphore::new(options.decode_mib as usize),
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            pictures: Arc::default(),
            next_prefix: AtomicU8::new(rand::random()),
            options,
        };
        Ok(Arc::new(Self { room: Arc::new(room) }))
    }

    /// Makes thumbnails, and sweeps what nobody needs any more. Until the service is dropped or the task is aborted.
    pub fn start(&self) -> JoinHandle<()> {
        let (making, sweeping) = (thumbnails::run(Arc::downgrade(&self.room)), sweep::run(Arc::downgrade(&self.room)));
        tokio::spawn(async move {
            tokio::join!(making, sweeping);
        })
    }

    /// Sweeps once, as it is done now and then; answers how many things went.
    pub async fn sweep(&self) -> Result<usize> {
        sweep::round(&self.room).await
    }
}

impl Room {
    /// Whoever puts the blob of this hash there, or takes it away, holds this meanwhile.
    async fn alone_with(&self, sha256: &[u8]) -> MutexGuard<'_, ()> {
        let shard = sha256.first().copied().unwrap_or_default() as usize % SHARDS;
        self.shards[shard].lock().await
    }
}

/// Runs what touches the disk or computes for long off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal(format!("the work on a file was cut off: {error}"))),
    }
}

#[async_trait::async_trait]
impl Files for FileService {
    async fn create_upload(&self, ctx: &Context, request: CreateUploadRequest) -> Result<Upload> {
        create_upload::create_upload(&self.room, ctx, request).await
    }

    async fn write_part(&self, ctx: &Context, request: WritePartRequest) -> Result<WritePartReply> {
        write_part::write_part(&self.room, ctx, request).await
    }

    async fn get_upload(&self, ctx: &Context, request: GetUploadRequest) -> Result<Upload> {
        get_upload::get_upload(&self.room, ctx, request).await
    }

    async fn list_uploads(&self, ctx: &Context, request: ListUploadsRequest) -> Result<ListUploadsReply> {
        list_uploads::list_uploads(&self.room, ctx, request).await
    }

    async fn complete_upload(&self, ctx: &Context, request: CompleteUploadRequest) -> Result<File> {
        complete_upload::complete_upload(&self.room, ctx, request).await
    }

    async fn abort_upload(&self, ctx: &Context, request: AbortUploadRequest) -> Result<AbortUploadReply> {
        abort_upload::abort_upload(&self.room, ctx, request).await
    }

    async fn get_files(&self, _: &Context, request: GetFilesRequest) -> Result<GetFilesReply> {
        get_files::get_files(&self.room, request).await
    }

    async fn read_file(&self, _: &Context, request: ReadFileRequest) -> Result<ReadFileReply> {
        read_file::read_file(&self.room, request).await
    }

    async fn claim_files(&self, ctx: &Context, request: ClaimFilesRequest) -> Result<GetFilesReply> {
        claim_files::claim_files(&self.room, ctx, request).await
    }

    async fn hold_files(&self, ctx: &Context, request: HoldFilesRequest) -> Result<HoldFilesReply> {
        hold_files::hold_files(&self.room, ctx, request).await
    }

    async fn make_avatar(&self, ctx: &Context, request: MakeAvatarRequest) -> Result<File> {
        make_avatar::make_avatar(&self.room, ctx, request).await
    }

    async fn get_usage(&self, ctx: &Context, _: GetUsageRequest) -> Result<FileUsage> {
        get_usage::get_usage(&self.room, ctx).await
    }

    async fn mint_download(&self, ctx: &Context, request: MintDownloadRequest) -> Result<MintDownloadReply> {
        downloads::mint_download(&self.room, ctx, request)
    }

    async fn redeem_download(&self, _: &Context, request: RedeemDownloadRequest) -> Result<RedeemDownloadReply> {
        downloads::redeem_download(&self.room, &request.token)
    }

    async fn erase_files(&self, ctx: &Context, request: ErasePersonRequest) -> Result<ErasePersonReply> {
        erase_files::erase_files(&self.room, ctx, request).await
    }
}
