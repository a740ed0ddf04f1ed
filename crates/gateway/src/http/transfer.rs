//! Bytes between a client and the file service, a piece at a time: a request's body into a part, a file into an answer's
//! body. Nothing here holds more than two pieces.

use std::{io, ops::Range, sync::Arc};

use anser_contract::{
    Context,
    v1::{
        AbortUploadRequest, CompleteUploadRequest, CreateUploadRequest, File, FilePurpose, FileVariant,
        GetFilesRequest, MayReadFilesRequest, ReadFileReply, ReadFileRequest, WritePartRequest,
    },
};
use anser_types::{Action, Error, Result, Standing, UserId, authorise};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::{runtime::Handle, time::Instant};

use crate::{http::intake::Incoming, problem::Answer, state::Gateway, transfers::Transfer};

/// What travels at once.
pub(super) const PIECE: usize = 256 << 10;
/// Pieces of a download that are asked for ahead.
const AHEAD: usize = 2;
/// What one question about files may name.
const BATCH: usize = 200;

/// Where bytes come from.
pub(super) trait Source: Send {
    /// The next bytes; none at the end.
    fn chunk(&mut self) -> impl Future<Output = Answer<Option<Bytes>>> + Send;
}

impl Source for Incoming {
    async fn chunk(&mut self) -> Answer<Option<Bytes>> {
        self.next().await
    }
}

/// The circumstances of a further call for the same request: each has a time of its own.
pub(super) fn anew(gateway: &Gateway, ctx: &Context) -> Context {
    Context { deadline: Instant::now() + gateway.options.timings.request, ..ctx.clone() }
}

/// Writes all that comes as one part.
pub(super) async fn write_part(
    gateway: &Gateway,
    ctx: &Context,
    upload_id: &[u8],
    part: u32,
    source: &mut impl Source,
) -> Answer<()> {
    let (mut offset, mut piece) = (0, Vec::with_capacity(PIECE));
    loop {
        let chunk = source.chunk().await?;
        let last = chunk.is_none();
        let mut chunk = chunk.unwrap_or_default();
        while last || piece.len() + chunk.len() > PIECE {
            let room = (PIECE - piece.len()).min(chunk.len());
            piece.extend_from_slice(&chunk.split_to(room));
            let data = std::mem::replace(&mut piece, Vec::with_capacity(if last { 0 } else { PIECE }));
            let request = WritePartRequest { upload_id: upload_id.to_vec(), part, offset, data, last };
            offset = gateway.services.files.write_part(&anew(gateway, ctx), request).await?.next_offset;
            if last {
                return Ok(());
            }
        }
        piece.extend_from_slice(&chunk);
    }
}

/// What comes with one request.
pub(super) struct AtOnce {
    pub(super) name: String,
    /// -1: not known before it ends.
    pub(super) size: i64,
    pub(super) sha256: String,
    pub(super) key: String,
}

/// Makes a file of all that comes.
pub(super) async fn upload_at_once(
    gateway: &Arc<Gateway>,
    ctx: &Context,
    asked: AtOnce,
    source: &mut impl Source,
) -> Answer<File> {
    let AtOnce { name, size, sha256, key } = asked;
    // Whoever repeats a request under its key finds what is there of it.
    let resumable = !key.is_empty();
    let request = CreateUploadRequest { name, size, sha256, idempotency_key: key, at_once: true };
    let upload = gateway.services.files.create_upload(&anew(gateway, ctx), request).await?;
    if !upload.file_id.is_empty() {
        let request = GetFilesRequest { file_ids: vec![upload.file_id] };
        let known = gateway.services.files.get_files(&anew(gateway, ctx), request).await?.items;
        return known.into_iter().next().ok_or_else(|| Error::not_found("file").into());
    }
    let mut unfinished = Unfinished {
        gateway: gateway.clone(),
        ctx: ctx.clone(),
        upload_id: upload.upload_id.clone(),
        armed: !resumable,
    };
    write_part(gateway, ctx, &upload.upload_id, 1, source).await?;
    let file = complete(gateway, ctx, upload.upload_id).await?;
    unfinished.armed = false;
    Ok(file)
}

/// Completes an upload. A large file takes longer than other requests may.
pub(super) async fn complete(gateway: &Gateway, ctx: &Context, upload_id: Vec<u8>) -> Result<File> {
    let deadline = Instant::now() + gateway.options.timings.request_max;
    let ctx = Context { deadline, ..ctx.clone() };
    let completed = gateway.services.files.complete_upload(&ctx, CompleteUploadRequest { upload_id });
    tokio::time::timeout_at(deadline, completed)
        .await
        .unwrap_or_else(|_| Err(Error::new(anser_types::Code::DeadlineExceeded, "the file is still being completed")))
}

/// An upload that nobody can go on with, if this is dropped: a client that goes away must not leave it open.
struct Unfinished {
    gateway: Arc<Gateway>,
    ctx: Context,
    upload_id: Vec<u8>,
    armed: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (gateway, ctx) = (self.gateway.clone(), anew(&self.gateway, &self.ctx));
        let request = AbortUploadRequest { upload_id: std::mem::take(&mut self.upload_id) };
        runtime.spawn(async move {
            // What fails here is swept when its time is over.
            let _swept_later = gateway.services.files.abort_upload(&ctx, request).await;
        });
    }
}

/// Those of these files that the caller may read, in the order asked for. Of the others nobody learns that they exist.
pub(super) async fn readable(gateway: &Gateway, ctx: &Context, file_ids: &[Vec<u8>]) -> Result<Vec<File>> {
    let me = ctx.user()?;
    let mut known = Vec::new();
    for file_ids in file_ids.chunks(BATCH) {
        let request = GetFilesRequest { file_ids: file_ids.to_vec() };
        known.extend(gateway.services.files.get_files(ctx, request).await?.items);
    }
    let foreign: Vec<Vec<u8>> =
        known.iter().filter(|file| !is_seen(file, me)).map(|file| file.file_id.clone()).collect();
    let mut named = Vec::new();
    for file_ids in foreign.chunks(BATCH) {
        let request = MayReadFilesRequest { user_id: me.to_vec(), file_ids: file_ids.to_vec() };
        named.extend(gateway.services.journal.may_read_files(ctx, request).await?.file_ids);
    }
    known.retain(|file| is_seen(file, me) || authorise(Action::ReadFile, standing(file, &named)).is_ok());
    Ok(known)
}

/// Whether it shows without asking what messages name.
fn is_seen(file: &File, me: UserId) -> bool {
    let own = file.owner_id == me.as_bytes() && authorise(Action::ReadFile, Standing::Own).is_ok();
    own || (file.purpose() == FilePurpose::Avatar && authorise(Action::ReadAvatar, Standing::Person).is_ok())
}

fn standing(file: &File, named: &[Vec<u8>]) -> Standing {
    if named.contains(&file.file_id) { Standing::Reader } else { Standing::Outsider }
}

/// One file that the caller may read.
pub(super) async fn one_readable(gateway: &Gateway, ctx: &Context, file_id: Vec<u8>) -> Result<File> {
    let found = readable(gateway, ctx, &[file_id]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("file"))
}

/// A place among the transfers, where one is needed: what goes in one piece costs no more than any other answer.
pub(super) type Place = Option<Arc<Transfer>>;

/// A place for an answer of so many bytes.
pub(super) fn place(gateway: &Gateway, ctx: &Context, bytes: u64) -> Result<Place> {
    if bytes <= PIECE as u64 {
        return Ok(None);
    }
    Ok(Some(Arc::new(gateway.transfers.begin(ctx.user()?)?)))
}

/// What is read: a file, or something made of it.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) file_id: Vec<u8>,
    pub(super) variant: FileVariant,
}

impl Wanted {
    /// How large it is and of what type, without any of it.
    pub(super) async fn described(&self, gateway: &Gateway, ctx: &Context) -> Result<ReadFileReply> {
        self.read(gateway, ctx, 0, 0).await
    }

    async fn read(&self, gateway: &Gateway, ctx: &Context, offset: u64, limit: u32) -> Result<ReadFileReply> {
        let request = ReadFileRequest {
            file_id: self.file_id.clone(),
            variant: self.variant.into(),
            offset: offset as i64,
            limit,
        };
        gateway.services.files.read_file(ctx, request).await
    }

    /// Its bytes, asked for as they are taken. What ends early is an error, so that nobody takes a part for the whole.
    pub(super) fn pieces(
        self,
        gateway: Arc<Gateway>,
        ctx: Context,
        range: Range<u64>,
        place: Place,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let places = stream::iter(range.clone().step_by(PIECE));
        let asked = places.map(move |offset| {
            let (wanted, gateway, ctx) = (self.clone(), gateway.clone(), anew(&gateway, &ctx));
            let limit = (range.end - offset).min(PIECE as u64) as u32;
            let kept = place.clone();
            async move {
                let read = wanted.read(&gateway, &ctx, offset, limit).await;
                drop(kept);
                match read {
                    Ok(reply) if reply.data.len() == limit as usize => Ok(Bytes::from(reply.data)),
                    Ok(_) => Err(io::Error::other("a file ended early")),
                    Err(error) => {
                        tracing::warn!(%error, "a file could not be read to its end");
                        Err(io::Error::other(error))
                    }
                }
            }
        });
        asked.buffered(AHEAD)
    }
}
