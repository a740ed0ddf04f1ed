//! The words in some sound. Nothing of it is kept.

use anser_contract::{
    Context,
    v1::{RecognizeReply, RecognizeRequest},
};
use anser_types::{Code, Error, Result};
use tokio::time::Instant;

use crate::{Room, audio::Sound, desk::Place};

/// The longest answer, in bytes: what is beyond it is left out.
const TEXT_BYTES: usize = 16 << 10;

/// Finds them for whoever is signed in.
pub async fn recognize(room: &Room, ctx: &Context, request: RecognizeRequest) -> Result<RecognizeReply> {
    ctx.user()?;
    let place = room.desk.place()?;
    let deadline = ctx.deadline.min(Instant::now() + room.options.timeout);
    let text = words_in(room, &place, request.audio, &request.media_type, deadline).await?;
    Ok(RecognizeReply { text })
}

/// The words in these bytes.
pub async fn words_in(
    room: &Room,
    place: &Place,
    audio: Vec<u8>,
    media_type: &str,
    deadline: Instant,
) -> Result<String> {
    let Some(provider) = &room.provider else { return Err(off()) };
    if audio.len() > room.options.audio_bytes {
        return Err(too_large(room));
    }
    let sound = Sound::of(audio, media_type, room.options.audio_ms)?;
    if !provider.takes(sound.format) {
        let form = sound.format.extension();
        return Err(Error::new(Code::Unsupported, format!("the server has nobody who takes {form}")));
    }
    let began = Instant::now();
    let found = room.desk.work(place, deadline, provider.recognize(&sound, deadline)).await;
    let outcome = found.as_ref().map_or_else(|error| error.code.as_str(), |_| "ok");
    metrics::counter!("anser_speech_recognitions_total", "outcome" => outcome).increment(1);
    metrics::histogram!("anser_speech_recognition_seconds").record(began.elapsed().as_secs_f64());
    if let Err(error) = &found
        && error.code == Code::Internal
    {
        tracing::error!(%error, "the words of a recording could not be found");
    }
    found.map(|text| tidy(&text))
}

/// What is answered where no provider is configured.
pub fn off() -> Error {
    Error::new(Code::Unsupported, "this server does not put speech into words")
}

/// What is answered to a recording that is too large.
pub fn too_large(room: &Room) -> Error {
    Error::new(Code::TooLarge, format!("a recording is at most {} bytes", room.options.audio_bytes))
}

/// Words as a message may hold them, whatever a provider answers.
fn tidy(text: &str) -> String {
    let text: String = text.trim().chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    text[..text.floor_char_boundary(TEXT_BYTES)].trim().to_owned()
}
