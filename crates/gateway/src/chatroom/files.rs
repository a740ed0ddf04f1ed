//! Files: stored whole, read in pieces.
//!
//! Sound comes as bare samples and is stored as a WAV, so that everybody else can play it. Messages name it otherwise than
//! other files ([`sound_name`]), and by that name the samples come bare, whoever stored them.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use anser_contract::{
    Context,
    chatroom::{
        FileMessageInfo, FileUploadData, GetMultiFileReq, GetMultiFileRsp, GetSingleFileReq, GetSingleFileRsp,
        PutMultiFileReq, PutMultiFileRsp, PutSingleFileReq, PutSingleFileRsp,
    },
    v1::{
        AbortUploadRequest, CompleteUploadRequest, CreateUploadRequest, File, FilePurpose, FileVariant, Files,
        GetFilesRequest, MayReadFilesRequest, ReadFileRequest, WritePartRequest,
    },
};
use anser_types::{Error, Id, Result as Answered};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::{
    call::{Answer, Call, Fields},
    people::id_text,
    words::{FILE_NOT_READ, FILE_NOT_STORED, Refused, TOO_MANY_FILES},
};

/// What sound of these clients is called as a file.
pub(super) const SPEECH_NAME: &str = "chatroom-speech.wav";
/// Stands behind a file's id where its samples are wanted without the head of the WAV that they are in.
const BARE: &str = ".pcm";
/// The length of that head.
const WAV_HEAD: usize = 44;
const SAMPLES_A_SECOND: u32 = 16_000;
const BYTES_A_SAMPLE: u32 = 2;
/// What a WAV may hold beside its samples, as the time that so many bytes would sound.
const MOMENT_MS: i64 = 16;

/// What goes to and comes from the store of files at a time.
const PIECE: usize = 1 << 20;
const READ: u32 = 256 << 10;
/// How many files one call names.
const MOST: usize = 200;
/// An answer is smaller than this: protobuf counts to here.
const ANSWER_BYTES: i64 = 2 << 30;

pub(super) async fn put_single_file(call: Call, asked: PutSingleFileReq) -> Result<PutSingleFileRsp, Refused> {
    let file_info = put(&call, asked.file_data.unwrap_or_default()).await.map_err(|error| not_stored(&call, &error))?;
    Ok(PutSingleFileRsp { file_info: Some(file_info), ..PutSingleFileRsp::default() })
}

/// Each has its own outcome: one that cannot be stored stands in its place without an id. An error where none can.
pub(super) async fn put_multi_file(call: Call, asked: PutMultiFileReq) -> Result<PutMultiFileRsp, Refused> {
    if asked.file_data.len() > MOST {
        return Err(TOO_MANY_FILES.into());
    }
    let (mut file_info, mut refused, mut stored) = (Vec::with_capacity(asked.file_data.len()), None, false);
    for data in asked.file_data {
        let file_name = data.file_name.clone();
        match put(&call, data).await {
            Ok(info) => {
                stored = true;
                file_info.push(info);
            }
            Err(error) => {
                refused = Some(not_stored(&call, &error));
                file_info.push(FileMessageInfo { file_name, ..FileMessageInfo::default() });
            }
        }
    }
    match refused.filter(|_| !stored) {
        Some(refused) => Err(refused),
        None => Ok(PutMultiFileRsp { file_info, ..PutMultiFileRsp::default() }),
    }
}

pub(super) async fn get_single_file(call: Call, asked: GetSingleFileReq) -> Result<Answer<GetSingleFileRsp>, Refused> {
    let files = readable(&call, vec![asked.file_id]).await.map_err(|_| FILE_NOT_READ)?;
    if files.is_empty() {
        return Err(FILE_NOT_READ.into());
    }
    let mut reading = Reading::new(&call.services().files, false, files)?;
    // A file that cannot be read at all is a refusal; later there is only the end of the answer.
    let first = reading.next().await.map_err(|_| FILE_NOT_READ)?.unwrap_or_default();
    Ok(Answer::Streamed(GetSingleFileRsp::default(), reading.after(first)))
}

/// What does not exist, or may not be read, is left out; it fails nothing else.
pub(super) async fn get_multi_file(call: Call, asked: GetMultiFileReq) -> Result<Answer<GetMultiFileRsp>, Refused> {
    if asked.file_id_list.len() > MOST {
        return Err(TOO_MANY_FILES.into());
    }
    let files = readable(&call, asked.file_id_list).await.map_err(|_| FILE_NOT_READ)?;
    let mut reading = Reading::new(&call.services().files, true, files)?;
    let first = reading.next().await.map_err(|_| FILE_NOT_READ)?.unwrap_or_default();
    Ok(Answer::Streamed(GetMultiFileRsp::default(), reading.after(first)))
}

fn not_stored(call: &Call, error: &Error) -> Refused {
    use anser_types::Code::{LimitExceeded, RateLimited, Unauthenticated};
    match error.code {
        RateLimited | LimitExceeded | Unauthenticated => call.refuse(error),
        _ => FILE_NOT_STORED.into(),
    }
}

async fn put(call: &Call, data: FileUploadData) -> Answered<FileMessageInfo> {
    let size = data.file_content.len() as i64;
    let file_id = upload(call, data.file_name.clone(), data.file_content, String::new()).await?;
    Ok(FileMessageInfo {
        file_id: Some(id_text(&file_id)),
        file_size: size,
        file_name: data.file_name,
        file_contents: None,
    })
}

/// Stores bytes as a file of the caller's. The same `key` again: the same file.
pub(super) async fn upload(call: &Call, name: String, bytes: Bytes, key: String) -> Answered<Vec<u8>> {
    let files = &call.services().files;
    let name = if name.is_empty() { "file".into() } else { name };
    let keyed = !key.is_empty();
    let size = bytes.len() as i64;
    let request = CreateUploadRequest { name, size, sha256: String::new(), idempotency_key: key, at_once: true };
    let upload = files.create_upload(&call.ctx, request).await?;
    if !upload.file_id.is_empty() {
        return Ok(upload.file_id);
    }
    let complete = async {
        let pieces = bytes.len().div_ceil(PIECE).max(1);
        for index in 0..pieces {
            let start = index * PIECE;
            let request = WritePartRequest {
                upload_id: upload.upload_id.clone(),
                part: 1,
                offset: start as i64,
                data: bytes[start..bytes.len().min(start + PIECE)].to_vec(),
                last: index + 1 == pieces,
            };
            files.write_part(&call.ctx, request).await?;
        }
        files.complete_upload(&call.ctx, CompleteUploadRequest { upload_id: upload.upload_id.clone() }).await
    };
    let completed = complete.await;
    // What was begun without a key nobody goes on with.
    if completed.is_err() && !keyed {
        let abort = AbortUploadRequest { upload_id: upload.upload_id.clone() };
        if let Err(error) = files.abort_upload(&call.ctx, abort).await {
            tracing::debug!(%error, "an upload that failed is left to its end");
        }
    }
    completed.map(|file| file.file_id)
}

/// What a message calls a file with sound.
pub(super) fn sound_name(file_id: &[u8]) -> String {
    format!("{}{BARE}", id_text(file_id))
}

/// The file of a name.
pub(super) fn file_of(name: &str) -> Option<Id> {
    name.strip_suffix(BARE).unwrap_or(name).parse().ok()
}

/// Those of the named files that the caller may read: their own, faces, and what is in messages that they may read.
async fn readable(call: &Call, names: Vec<String>) -> Answered<Vec<(String, File)>> {
    let ids: HashSet<Id> = names.iter().filter_map(|name| file_of(name)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let me = call.ctx.user()?;
    let service = call.as_service();
    let asked: Vec<Vec<u8>> = ids.iter().map(|id| id.0.to_vec()).collect();
    let files = call.services().files.get_files(&service, GetFilesRequest { file_ids: asked }).await?.items;
    let own = |file: &File| file.owner_id == me.as_bytes() || file.purpose() == FilePurpose::Avatar;
    let foreign: Vec<Vec<u8>> = files.iter().filter(|file| !own(file)).map(|file| file.file_id.clone()).collect();
    let mut allowed = HashSet::new();
    if !foreign.is_empty() {
        let request = MayReadFilesRequest { user_id: me.to_vec(), file_ids: foreign };
        allowed.extend(call.services().journal.may_read_files(&service, request).await?.file_ids);
    }
    let known: HashMap<Vec<u8>, File> = files
        .into_iter()
        .filter(|file| own(file) || allowed.contains(&file.file_id))
        .map(|file| (file.file_id.clone(), file))
        .collect();
    let names: BTreeSet<String> = names.into_iter().collect();
    let named = |name: String| Some((file_of(&name)?, name));
    let found =
        names.into_iter().filter_map(named).filter_map(|(id, name)| Some((name, known.get(&id.0[..])?.clone())));
    Ok(found.collect())
}

/// Files as the fields of an answer, read piece by piece: however long they are, little of them is in memory.
struct Reading {
    service: Arc<dyn Files>,
    /// Whether they are the entries of a map by name.
    named: bool,
    left: VecDeque<Piece>,
}

/// What is left of a file.
struct Piece {
    name: String,
    file_id: Vec<u8>,
    offset: i64,
    end: i64,
}

impl Piece {
    /// Some more of it.
    async fn read(&mut self, service: &dyn Files) -> Answered<Vec<u8>> {
        let limit = (self.end - self.offset).min(i64::from(READ));
        if limit <= 0 {
            return Ok(Vec::new());
        }
        let request = ReadFileRequest {
            file_id: self.file_id.clone(),
            variant: FileVariant::Original.into(),
            offset: self.offset,
            limit: limit as u32,
        };
        let data = service.read_file(&Context::service(), request).await?.data;
        if data.is_empty() || data.len() as i64 > limit {
            return Err(Error::internal("a file is not as long as it was"));
        }
        self.offset += data.len() as i64;
        Ok(data)
    }
}

impl Reading {
    fn new(service: &Arc<dyn Files>, named: bool, files: Vec<(String, File)>) -> Result<Self, Refused> {
        if files.iter().map(|(_, file)| file.size).sum::<i64>() >= ANSWER_BYTES {
            return Err(FILE_NOT_READ.into());
        }
        let piece = |(name, file): (String, File)| Piece { name, file_id: file.file_id, offset: 0, end: file.size };
        Ok(Self { service: service.clone(), named, left: files.into_iter().map(piece).collect() })
    }

    /// The next bytes. Of several files one that cannot be read is left out, as if there were none.
    async fn next(&mut self) -> Answered<Option<Bytes>> {
        while let Some(piece) = self.left.front_mut() {
            let begins = piece.offset == 0;
            let mut data = match piece.read(&*self.service).await {
                Err(error) if begins && self.named => {
                    tracing::warn!(%error, "a file cannot be read");
                    self.left.pop_front();
                    continue;
                }
                read => read?,
            };
            let mut out = BytesMut::new();
            if begins {
                let left_out = if piece.name.ends_with(BARE) && has_wav_head(&data) { WAV_HEAD } else { 0 };
                data.drain(..left_out);
                out.extend_from_slice(&head(&piece.name, piece.end as usize - left_out, self.named));
            }
            out.extend_from_slice(&data);
            if piece.offset >= piece.end {
                self.left.pop_front();
            }
            return Ok(Some(out.freeze()));
        }
        Ok(None)
    }

    /// The rest, with what was read of it already.
    fn after(self, first: Bytes) -> Fields {
        let next = |(mut reading, first): (Reading, Option<Bytes>)| async move {
            let bytes = match first {
                Some(first) => Some(first),
                None => reading.next().await.map_err(|error| {
                    tracing::warn!(%error, "a file could not be read to its end");
                    std::io::Error::other("the file ended early")
                })?,
            };
            Ok(bytes.map(|bytes| (bytes, (reading, None))))
        };
        Box::pin(stream::try_unfold((self, Some(first)), next))
    }
}

/// Field 4 of an answer (a `FileDownloadData`, or an entry of a map of them) up to the file's first byte.
fn head(id: &str, size: usize, named: bool) -> Bytes {
    const ANSWERS: u8 = 4 << 3 | 2;
    const FIRST: u8 = 1 << 3 | 2;
    const SECOND: u8 = 2 << 3 | 2;
    let text = |out: &mut Vec<u8>| {
        out.push(FIRST);
        encode_varint(id.len() as u64, out);
        out.extend_from_slice(id.as_bytes());
    };
    let mut inner = Vec::new();
    text(&mut inner);
    inner.push(SECOND);
    encode_varint(size as u64, &mut inner);
    let data_length = inner.len() + size;
    let mut out = vec![ANSWERS];
    if named {
        let mut key = Vec::new();
        text(&mut key);
        encode_varint((key.len() + 1 + encoded_len_varint(data_length as u64) + data_length) as u64, &mut out);
        out.extend(key);
        out.push(SECOND);
    }
    encode_varint(data_length as u64, &mut out);
    out.extend(inner);
    out.into()
}

/// What a picture is called that comes without a name.
pub(super) fn picture_name(bytes: &[u8]) -> String {
    let ending = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, ..] => "jpg",
        [b'G', b'I', b'F', ..] => "gif",
        [b'B', b'M', ..] => "bmp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        _ => "bin",
    };
    format!("image.{ending}")
}

/// How long so many bytes of samples sound.
pub(super) fn duration_ms(bytes: usize) -> i64 {
    bytes as i64 * 1_000 / i64::from(SAMPLES_A_SECOND * BYTES_A_SAMPLE)
}

/// Whether a WAV's head stands before samples that these clients play.
fn has_wav_head(bytes: &[u8]) -> bool {
    // All of it but the two lengths.
    bytes.len() >= WAV_HEAD && bytes[..4] == *b"RIFF" && bytes[8..40] == wav_of(&[])[8..40]
}

/// Whether a WAV of this size and time holds samples that these clients play, and little else.
pub(super) fn sounds_right(size: i64, duration_ms: i64) -> bool {
    let samples = size - WAV_HEAD as i64;
    samples >= 0 && (duration_ms - self::duration_ms(samples as usize)).abs() <= MOMENT_MS
}

/// Bare samples as a WAV.
pub(super) fn wav_of(samples: &[u8]) -> Bytes {
    let length = samples.len() as u32;
    let mut out = BytesMut::with_capacity(WAV_HEAD + samples.len());
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(length + WAV_HEAD as u32 - 8).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    // Plain samples, one channel.
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&SAMPLES_A_SECOND.to_le_bytes());
    out.extend_from_slice(&(SAMPLES_A_SECOND * BYTES_A_SAMPLE).to_le_bytes());
    out.extend_from_slice(&(BYTES_A_SAMPLE as u16).to_le_bytes());
    out.extend_from_slice(&(BYTES_A_SAMPLE as u16 * 8).to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(samples);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use anser_contract::chatroom::FileDownloadData;
    use prost::Message as _;

    use super::*;

    #[test]
    fn what_is_streamed_reads_as_the_whole_message() {
        for size in [0, 3, 200, 70_000] {
            let content = vec![7u8; size];
            let data = FileDownloadData { file_id: "f1".into(), file_content: content.clone().into() };
            let whole = GetSingleFileRsp { file_data: Some(data.clone()), ..GetSingleFileRsp::default() };
            let streamed = [&head("f1", size, false)[..], &content].concat();
            assert_eq!(GetSingleFileRsp::decode(&streamed[..]), Ok(whole));
            let whole = GetMultiFileRsp { file_data: [("f1".into(), data)].into(), ..GetMultiFileRsp::default() };
            let streamed = [&head("f1", size, true)[..], &content].concat();
            assert_eq!(GetMultiFileRsp::decode(&streamed[..]), Ok(whole));
        }
    }

    #[test]
    fn samples_have_the_head_of_a_wav_before_them() {
        let wav = wav_of(&[0, 1, 2, 3]);
        assert_eq!(
            (wav.len(), &wav[..4], &wav[8..16], &wav[44..]),
            (48, &b"RIFF"[..], &b"WAVEfmt "[..], &[0, 1, 2, 3][..])
        );
        assert_eq!(&wav[4..8], &40u32.to_le_bytes());
        assert_eq!(duration_ms(32_000), 1_000);
        assert!(has_wav_head(&wav) && !has_wav_head(&wav[..43]) && !has_wav_head(&[0; 48]));
        let mut fast = wav.to_vec();
        fast[24..28].copy_from_slice(&44_100u32.to_le_bytes());
        assert!(!has_wav_head(&fast));
        assert!(sounds_right(32_044, 1_000) && sounds_right(32_078, 1_000));
        assert!(!sounds_right(32_044, 500) && !sounds_right(32_044, 0) && !sounds_right(10, 0));
    }

    #[test]
    fn sound_has_a_name_of_its_own_for_the_same_file() {
        let id = Id([7; 16]);
        assert_eq!((file_of(&sound_name(&id.0)), file_of(&id.to_string())), (Some(id), Some(id)));
        assert_eq!((file_of(".pcm"), file_of(&format!("{id}.wav"))), (None, None));
    }

    #[test]
    fn pictures_are_called_what_they_are() {
        assert_eq!(picture_name(&[0x89, b'P', b'N', b'G', 0]), "image.png");
        assert_eq!(picture_name(b"RIFF0000WEBPVP8 "), "image.webp");
        assert_eq!(picture_name(&[]), "image.bin");
    }
}
