//! The words in a voice message that the caller may read. Whoever asks while they are being found waits for the same words;
//! once found they stand on the message, whether anybody still waits or not.

use std::{collections::HashMap, sync::Arc};

use anser_contract::{
    Context,
    v1::{
        Entry, EntryName, FileVariant, LookUpRequest, ReadFileRequest, RecognizeReply, SetTranscriptRequest,
        TranscribeRequest, Voice, content::Kind,
    },
};
use anser_types::{Code, ConversationId, Error, Result};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::{
    Room,
    desk::Place,
    recognize::{off, too_large, words_in},
};

/// How much of a file is asked for at once.
const A_PIECE: u32 = 1 << 20;

/// The messages whose words are being found: as many as the desk has places.
pub type Runs = Mutex<HashMap<Name, Shared<BoxFuture<'static, Result<String>>>>>;
type Name = (ConversationId, i64);

/// Answers the words that stand on the message, or finds them.
pub async fn transcribe(room: &Arc<Room>, ctx: &Context, request: TranscribeRequest) -> Result<RecognizeReply> {
    let user = ctx.user()?;
    let conversation = ConversationId::try_from(&request.conversation_id[..])
        .map_err(|error| Error::field("conversation_id", error.detail))?;
    let names = vec![EntryName { conversation_id: conversation.to_vec(), seq: request.seq }];
    let seen = room.journal.look_up(ctx, LookUpRequest { user_id: user.to_vec(), items: names }).await?;
    let voice = voice_of(seen.items.into_iter().next().ok_or_else(|| Error::not_found("message"))?)?;
    if !voice.transcript.is_empty() {
        return Ok(RecognizeReply { text: voice.transcript });
    }
    if room.provider.is_none() {
        return Err(off());
    }
    if voice.size > room.options.audio_bytes as i64 {
        return Err(too_large(room));
    }
    let run = join(room, (conversation, request.seq), voice)?;
    let late = || Error::new(Code::DeadlineExceeded, "the words are still being found; ask again").retry_after(2_000);
    let text = timeout_at(ctx.deadline, run).await.map_err(|_| late())??;
    Ok(RecognizeReply { text })
}

fn voice_of(entry: Entry) -> Result<Box<Voice>> {
    match entry.content.and_then(|content| content.kind) {
        Some(Kind::Voice(voice)) => Ok(voice),
        Some(Kind::Withdrawn(_)) => Err(Error::new(Code::Gone, "this message was recalled")),
        Some(Kind::Expired(_)) => Err(Error::new(Code::Gone, "this message has expired")),
        _ => Err(Error::invalid("this is not a voice message")),
    }
}

/// The one run for a message: the one that is going on, or a new one.
fn join(room: &Arc<Room>, name: Name, voice: Box<Voice>) -> Result<Shared<BoxFuture<'static, Result<String>>>> {
    let mut runs = room.runs.lock();
    if let Some(run) = runs.get(&name) {
        return Ok(run.clone());
    }
    let place = room.desk.place()?;
    let task = tokio::spawn({
        let room = room.clone();
        async move {
            let found = find(&room, &place, name, &voice).await;
            room.runs.lock().remove(&name);
            found
        }
    });
    let ended = |_| Err(Error::internal("the search for the words ended early"));
    let run = task.map(move |ended_with| ended_with.unwrap_or_else(ended)).boxed().shared();
    runs.insert(name, run.clone());
    Ok(run)
}

/// Finds the words and writes them onto the message.
async fn find(room: &Room, place: &Place, (conversation, seq): Name, voice: &Voice) -> Result<String> {
    let deadline = Instant::now() + room.options.timeout;
    let ctx = Context { deadline, ..Context::service() };
    let (audio, media_type) = read(room, &ctx, &voice.file_id).await?;
    let text = words_in(room, place, audio, &media_type, deadline).await?;
    let ctx = Context::service();
    let request = SetTranscriptRequest { conversation_id: conversation.to_vec(), seq, text };
    // What the message says now counts: it may have been recalled meanwhile.
    Ok(voice_of(room.journal.set_transcript(&ctx, request).await?)?.transcript)
}

async fn read(room: &Room, ctx: &Context, file_id: &[u8]) -> Result<(Vec<u8>, String)> {
    let mut bytes = Vec::new();
    loop {
        let request = ReadFileRequest {
            file_id: file_id.to_vec(),
            variant: FileVariant::Original.into(),
            offset: bytes.len() as i64,
            limit: A_PIECE,
        };
        let piece = room.files.read_file(ctx, request).await?;
        if piece.size > room.options.audio_bytes as i64 || bytes.len() + piece.data.len() > room.options.audio_bytes {
            return Err(too_large(room));
        }
        let end = piece.data.is_empty();
        bytes.extend_from_slice(&piece.data);
        if end || bytes.len() as i64 >= piece.size {
            return Ok((bytes, piece.media_type));
        }
    }
}
