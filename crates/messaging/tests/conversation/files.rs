//! A file service that knows the files it is given, may be away, may take its time, and notes what it is told.

use std::collections::{BTreeMap, BTreeSet};

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
use anser_types::{Code, Error, FileId, Result, UserId};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

pub struct FakeFiles {
    state: Mutex<State>,
    /// Claims pass one by one where there are no more permits than this.
    pub gate: Semaphore,
}

#[derive(Default)]
struct State {
    files: BTreeMap<FileId, File>,
    away: bool,
    claims: Vec<usize>,
    held: BTreeSet<FileId>,
    told: Vec<(Vec<FileId>, bool)>,
}

impl Default for FakeFiles {
    fn default() -> Self {
        Self { state: Mutex::default(), gate: Semaphore::new(1_000_000) }
    }
}

impl FakeFiles {
    /// A complete file of `owner`.
    pub fn add(&self, owner: UserId, number: u8, name: &str) -> FileId {
        let id = FileId([number; 16]);
        let file = File {
            file_id: id.to_vec(),
            owner_id: owner.to_vec(),
            name: name.into(),
            size: 1_000 + i64::from(number),
            media_type: "image/png".into(),
            width: 640,
            height: 480,
            duration_ms: 2_500,
            ..File::default()
        };
        self.state.lock().files.insert(id, file);
        id
    }

    pub fn remove(&self, file: FileId) {
        self.state.lock().files.remove(&file);
    }

    pub fn set_away(&self, away: bool) {
        self.state.lock().away = away;
    }

    /// How many files each claim was about.
    pub fn claims(&self) -> Vec<usize> {
        self.state.lock().claims.clone()
    }

    pub fn held(&self) -> Vec<FileId> {
        self.state.lock().held.iter().copied().collect()
    }

    /// What was told since it was asked last: of which files, and whether they are released.
    pub fn told(&self) -> Vec<(Vec<FileId>, bool)> {
        std::mem::take(&mut self.state.lock().told)
    }

    fn there(&self) -> Result<()> {
        match self.state.lock().away {
            true => Err(Error::unavailable("nobody is there")),
            false => Ok(()),
        }
    }
}

fn not_asked<T>() -> Result<T> {
    Err(Error::new(Code::Unsupported, "messaging asks for nothing of the kind"))
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Files for FakeFiles {
    async fn claim_files(&self, ctx: &Context, request: ClaimFilesRequest) -> Result<GetFilesReply> {
        ctx.require_service()?;
        self.gate.acquire().await.unwrap().forget();
        self.there()?;
        let mut state = self.state.lock();
        state.claims.push(request.file_ids.len());
        let own = |file: &&File| file.owner_id == request.user_id && request.file_ids.contains(&file.file_id);
        Ok(GetFilesReply { items: state.files.values().filter(own).cloned().collect() })
    }

    async fn hold_files(&self, ctx: &Context, request: HoldFilesRequest) -> Result<HoldFilesReply> {
        ctx.require_service()?;
        self.there()?;
        let files: Vec<FileId> = request.file_ids.iter().map(|id| FileId::try_from(&id[..]).unwrap()).collect();
        let mut state = self.state.lock();
        for file in &files {
            if request.release { state.held.remove(file); } else { state.held.insert(*file); }
        }
        state.told.push((files, request.release));
        Ok(HoldFilesReply {})
    }

    async fn create_upload(&self, _: &Context, _: CreateUploadRequest) -> Result<Upload> { not_asked() }
    async fn write_part(&self, _: &Context, _: WritePartRequest) -> Result<WritePartReply> { not_asked() }
    async fn get_upload(&self, _: &Context, _: GetUploadRequest) -> Result<Upload> { not_asked() }
    async fn list_uploads(&self, _: &Context, _: ListUploadsRequest) -> Result<ListUploadsReply> { not_asked() }
    async fn complete_upload(&self, _: &Context, _: CompleteUploadRequest) -> Result<File> { not_asked() }
    async fn abort_upload(&self, _: &Context, _: AbortUploadRequest) -> Result<AbortUploadReply> { not_asked() }
    async fn get_files(&self, _: &Context, _: GetFilesRequest) -> Result<GetFilesReply> { not_asked() }
    async fn read_file(&self, _: &Context, _: ReadFileRequest) -> Result<ReadFileReply> { not_asked() }
    async fn make_avatar(&self, _: &Context, _: MakeAvatarRequest) -> Result<File> { not_asked() }
    async fn get_usage(&self, _: &Context, _: GetUsageRequest) -> Result<FileUsage> { not_asked() }
    async fn mint_download(&self, _: &Context, _: MintDownloadRequest) -> Result<MintDownloadReply> { not_asked() }
    async fn redeem_download(&self, _: &Context, _: RedeemDownloadRequest) -> Result<RedeemDownloadReply> { not_asked() }
    async fn erase_files(&self, _: &Context, _: ErasePersonRequest) -> Result<ErasePersonReply> { not_asked() }
}
