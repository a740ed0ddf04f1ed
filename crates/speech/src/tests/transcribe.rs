//! Voice messages: who gets their words, and how often they are looked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anser_contract::{
    Actor, Context,
    v1::{
        AbortUploadReply, AbortUploadRequest, ClaimFilesRequest, CompleteUploadRequest, Content, CreateUploadRequest,
        Entry, ErasePersonReply, ErasePersonRequest, File, FileUsage, Files, GetFilesReply, GetFilesRequest,
        GetUploadRequest, GetUsageRequest, HoldFilesReply, HoldFilesRequest, Journal, ListUploadsReply,
        ListUploadsRequest, ListVisibleReply, ListVisibleRequest, LookUpReply, LookUpRequest, MakeAvatarRequest,
        MayReadFilesReply, MayReadFilesRequest, MintDownloadReply, MintDownloadRequest, ReadFileReply, ReadFileRequest,
        ReadOnReply, ReadOnRequest, RecognizeRequest, RedeemDownloadReply, RedeemDownloadRequest, SetTranscriptRequest,
        Speech, Text, TranscribeRequest, Upload, Voice, Withdrawn, WritePartReply, WritePartRequest, content::Kind,
    },
};
use anser_types::{Code, Error, Result, SessionId, UserId};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::Instant};

use super::pcm;
use crate::{
    SpeechOptions, SpeechService,
    audio::{Format, Sound},
    provider::Provider,
};

const ALICE: UserId = UserId([1; 16]);
const STRANGER: UserId = UserId([9; 16]);

/// The log with one message, and the file store with its file.
struct Town {
    message: Mutex<Option<Kind>>,
    file: Mutex<Result<Vec<u8>>>,
    reads: AtomicUsize,
}

/// Says how much it was given, when it may.
struct Listener {
    heard: Arc<AtomicUsize>,
    may: Arc<Semaphore>,
}

struct House {
    town: Arc<Town>,
    heard: Arc<AtomicUsize>,
    may: Arc<Semaphore>,
    service: Arc<SpeechService>,
}

#[async_trait::async_trait]
impl Provider for Listener {
    fn takes(&self, format: Format) -> bool {
        format == Format::Pcm
    }

    async fn recognize(&self, sound: &Sound, _: Instant) -> Result<String> {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.may.acquire().await.unwrap().forget();
        Ok(format!(" {}\nbytes\0", sound.bytes.len()))
    }
}

fn house(change: impl FnOnce(&mut SpeechOptions)) -> House {
    let mut options = SpeechOptions { at_once: 1, queue: 1, ..SpeechOptions::default() };
    change(&mut options);
    let voice = Kind::Voice(Box::new(Voice { file_id: vec![5; 16], size: 32_000, ..Default::default() }));
    let (message, file) = (Mutex::new(Some(voice)), Mutex::new(Ok(pcm())));
    let town = Arc::new(Town { message, file, reads: AtomicUsize::new(0) });
    let (heard, may) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(1_000)));
    let listener = Listener { heard: heard.clone(), may: may.clone() };
    let service = SpeechService::with(Some(Box::new(listener)), options, town.clone(), town.clone());
    House { town, heard, may, service }
}

impl House {
    async fn ask(&self, user: UserId) -> Result<String, Code> {
        let request = TranscribeRequest { conversation_id: vec![7; 16], seq: 3 };
        let reply = self.service.transcribe(&acting(user), request).await;
        reply.map(|reply| reply.text).map_err(|error| error.code)
    }

    async fn recognize(&self, audio: Vec<u8>, media_type: &str) -> Result<String, Code> {
        let request = RecognizeRequest { audio, media_type: media_type.into() };
        let reply = self.service.recognize(&acting(ALICE), request).await;
        reply.map(|reply| reply.text).map_err(|error| error.code)
    }
}

fn acting(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([1; 16])), "test")
}

/// Waits until it is so.
async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens");
}

#[tokio::test]
async fn the_words_are_found_once_and_kept() {
    let house = house(|_| ());
    assert_eq!(house.ask(ALICE).await.as_deref(), Ok("32000 bytes"));
    assert_eq!(house.ask(ALICE).await.as_deref(), Ok("32000 bytes"));
    assert_eq!(house.heard.load(Ordering::SeqCst), 1);
    assert!(matches!(&*house.town.message.lock(), Some(Kind::Voice(voice)) if voice.transcript == "32000 bytes"));
}

#[tokio::test]
async fn all_who_ask_at_a_time_get_the_same_words() {
    let house = Arc::new(house(|_| ()));
    house.may.forget_permits(1_000);
    let asking = (0..5).map(|_| {
        let house = house.clone();
        tokio::spawn(async move { house.ask(ALICE).await })
    });
    let asking: Vec<_> = asking.collect();
    until(|| house.heard.load(Ordering::SeqCst) == 1).await;
    // Whoever goes away takes nothing from the others.
    asking[0].abort();
    house.may.add_permits(1);
    for asked in asking.into_iter().skip(1) {
        assert_eq!(asked.await.unwrap().as_deref(), Ok("32000 bytes"));
    }
    assert_eq!(house.heard.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_may_not_read_the_message_gets_no_words() {
    let house = house(|_| ());
    assert_eq!(house.ask(STRANGER).await, Err(Code::NotFound));
    house.ask(ALICE).await.unwrap();
    assert_eq!(house.ask(STRANGER).await, Err(Code::NotFound), "nor those that were found");
    *house.town.message.lock() = Some(Kind::Text(Text { text: "hello".into() }));
    assert_eq!(house.ask(ALICE).await, Err(Code::InvalidArgument));
    *house.town.message.lock() = Some(Kind::Withdrawn(Withdrawn::default()));
    assert_eq!(house.ask(ALICE).await, Err(Code::Gone));
}

#[tokio::test]
async fn a_message_that_is_recalled_meanwhile_gives_no_words() {
    let house = Arc::new(house(|_| ()));
    house.may.forget_permits(1_000);
    let asked = tokio::spawn({
        let house = house.clone();
        async move { house.ask(ALICE).await }
    });
    until(|| house.heard.load(Ordering::SeqCst) == 1).await;
    *house.town.message.lock() = Some(Kind::Withdrawn(Withdrawn::default()));
    house.may.add_permits(1);
    assert_eq!(asked.await.unwrap(), Err(Code::Gone));
}

#[tokio::test]
async fn what_is_too_large_or_too_long_is_refused_before_it_is_read() {
    let small = house(|options| options.audio_bytes = 31_999);
    assert_eq!(small.ask(ALICE).await, Err(Code::TooLarge));
    assert_eq!((small.town.reads.load(Ordering::SeqCst), small.heard.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(small.recognize(pcm(), "").await, Err(Code::TooLarge));
    let short = house(|options| options.audio_ms = 999);
    assert_eq!(short.recognize(pcm(), "").await, Err(Code::TooLarge));
    // What a message says of its file is not believed either.
    *short.town.file.lock() = Ok(vec![0; 11 << 20]);
    assert_eq!(short.ask(ALICE).await, Err(Code::TooLarge));
    assert_eq!(short.heard.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_large_recording_is_read_in_pieces() {
    let house = house(|options| (options.audio_bytes, options.audio_ms) = (10 << 20, 600_000));
    *house.town.file.lock() = Ok(vec![0; 3 << 20]);
    assert_eq!(house.ask(ALICE).await.as_deref(), Ok("3145728 bytes"));
    assert_eq!(house.town.reads.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn so_many_are_worked_on_so_many_wait_and_the_rest_is_refused() {
    let house = Arc::new(house(|_| ()));
    house.may.forget_permits(1_000);
    let bring = || {
        let house = house.clone();
        tokio::spawn(async move { house.recognize(pcm(), "").await })
    };
    let first = bring();
    until(|| house.heard.load(Ordering::SeqCst) == 1).await;
    let mut waiting = Box::pin(house.recognize(pcm(), ""));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert_eq!(house.recognize(pcm(), "").await, Err(Code::Unavailable));
    assert_eq!(house.ask(ALICE).await, Err(Code::Unavailable));
    house.may.add_permits(2);
    assert!(first.await.unwrap().is_ok() && waiting.await.is_ok());
    house.may.add_permits(1);
    assert!(house.recognize(pcm(), "audio/pcm").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let house = house(|options| options.timeout = Duration::from_secs(60));
    house.may.forget_permits(1_000);
    assert_eq!(house.recognize(pcm(), "").await, Err(Code::DeadlineExceeded));
    assert_eq!(house.ask(ALICE).await, Err(Code::DeadlineExceeded));
    // The search goes on without whoever asked, until its own time is over; then a new one may begin.
    tokio::time::sleep(Duration::from_secs(61)).await;
    house.may.add_permits(1);
    assert_eq!(house.ask(ALICE).await.as_deref(), Ok("32000 bytes"));
}

#[tokio::test]
async fn a_file_that_is_away_leaves_the_message_as_it_was() {
    let house = house(|_| ());
    *house.town.file.lock() = Err(Error::new(Code::FileStoreUnavailable, "away"));
    assert_eq!(house.ask(ALICE).await, Err(Code::FileStoreUnavailable));
    *house.town.file.lock() = Ok(pcm());
    assert_eq!(house.ask(ALICE).await.as_deref(), Ok("32000 bytes"));
}

#[tokio::test]
async fn forms_that_nobody_takes_and_a_server_without_a_provider_say_so() {
    let with_one = house(|_| ());
    assert_eq!(with_one.recognize(b"OggS".to_vec(), "").await, Err(Code::Unsupported));
    let off = SpeechService::with(None, SpeechOptions::default(), with_one.town.clone(), with_one.town.clone());
    let off = House { service: off, ..house(|_| ()) };
    assert_eq!(off.recognize(pcm(), "").await, Err(Code::Unsupported));
    assert_eq!(off.ask(ALICE).await, Err(Code::Unsupported));
    with_one.ask(ALICE).await.unwrap();
    assert_eq!(off.ask(ALICE).await.as_deref(), Ok("32000 bytes"), "words that are there are given");
}

fn not_asked<T>() -> Result<T> {
    Err(Error::new(Code::Unsupported, "speech asks for nothing of the kind"))
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Journal for Town {
    async fn look_up(&self, ctx: &Context, request: LookUpRequest) -> Result<LookUpReply> {
        assert_eq!(ctx.user()?.to_vec(), request.user_id);
        let name = &request.items[0];
        let content = self.message.lock().clone().map(Content::from);
        let entry = Entry { conversation_id: name.conversation_id.clone(), seq: name.seq, content, ..Default::default() };
        Ok(LookUpReply { items: if ctx.user()? == STRANGER { Vec::new() } else { vec![entry] } })
    }

    async fn set_transcript(&self, ctx: &Context, request: SetTranscriptRequest) -> Result<Entry> {
        ctx.require_service()?;
        let mut message = self.message.lock();
        if let Some(Kind::Voice(voice)) = &mut *message {
            voice.transcript = request.text;
        }
        Ok(Entry { content: message.clone().map(Content::from), ..Default::default() })
    }

    async fn read_on(&self, _: &Context, _: ReadOnRequest) -> Result<ReadOnReply> { not_asked() }
    async fn list_visible(&self, _: &Context, _: ListVisibleRequest) -> Result<ListVisibleReply> { not_asked() }
    async fn may_read_files(&self, _: &Context, _: MayReadFilesRequest) -> Result<MayReadFilesReply> { not_asked() }
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Files for Town {
    async fn read_file(&self, ctx: &Context, request: ReadFileRequest) -> Result<ReadFileReply> {
        ctx.require_service()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let bytes = self.file.lock().clone()?;
        let from = request.offset as usize;
        let data = bytes[from..(from + request.limit as usize).min(bytes.len())].to_vec();
        Ok(ReadFileReply { data, size: bytes.len() as i64, media_type: "application/octet-stream".into() })
    }

    async fn claim_files(&self, _: &Context, _: ClaimFilesRequest) -> Result<GetFilesReply> { not_asked() }
    async fn hold_files(&self, _: &Context, _: HoldFilesRequest) -> Result<HoldFilesReply> { not_asked() }
    async fn create_upload(&self, _: &Context, _: CreateUploadRequest) -> Result<Upload> { not_asked() }
    async fn write_part(&self, _: &Context, _: WritePartRequest) -> Result<WritePartReply> { not_asked() }
    async fn get_upload(&self, _: &Context, _: GetUploadRequest) -> Result<Upload> { not_asked() }
    async fn list_uploads(&self, _: &Context, _: ListUploadsRequest) -> Result<ListUploadsReply> { not_asked() }
    async fn complete_upload(&self, _: &Context, _: CompleteUploadRequest) -> Result<File> { not_asked() }
    async fn abort_upload(&self, _: &Context, _: AbortUploadRequest) -> Result<AbortUploadReply> { not_asked() }
    async fn get_files(&self, _: &Context, _: GetFilesRequest) -> Result<GetFilesReply> { not_asked() }
    async fn make_avatar(&self, _: &Context, _: MakeAvatarRequest) -> Result<File> { not_asked() }
    async fn get_usage(&self, _: &Context, _: GetUsageRequest) -> Result<FileUsage> { not_asked() }
    async fn mint_download(&self, _: &Context, _: MintDownloadRequest) -> Result<MintDownloadReply> { not_asked() }
    async fn redeem_download(&self, _: &Context, _: RedeemDownloadRequest) -> Result<RedeemDownloadReply> { not_asked() }
    async fn erase_files(&self, _: &Context, _: ErasePersonRequest) -> Result<ErasePersonReply> { not_asked() }
}
