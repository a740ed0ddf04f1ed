//! Speech put into words: `/v1/speech:recognize`, and `/v1/conversations/{conversation_id}/messages/{seq}:transcribe`.

use std::sync::Arc;

use anser_contract::v1::{RecognizeReply, RecognizeRequest, TranscribeRequest};
use anser_types::{Code, ConversationId};
use axum::extract::State;
use http::Method;

use crate::{
    http::extract::{Bytes, Call, Path},
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(
            Method::POST,
            "/v1/conversations/{conversation_id}/messages/{seq}:transcribe",
            "transcribe_message",
            transcribe,
        )
        .slow()
        .about("The words of a voice message")
        .details(
            "They are found once and kept with the message: everybody who may see it is told of them, and they go when it is \
             recalled. May take half a minute; when it takes longer, ask again.",
        )
        .answers::<RecognizeReply>(200, "The words; none where nothing is said")
        .refuses(&[Code::Gone, Code::TooLarge, Code::Unsupported, Code::FileStoreUnavailable, Code::StorageFull]),
        route(Method::POST, "/v1/speech:recognize", "recognize_speech", recognize)
            .slow()
            .about("The words in a recording")
            .details(
                "The body is the recording: WAV, or PCM of 16 kHz, 16 bits, little endian and one channel, or another form that the \
                 server's engine takes. Nothing of it is kept.",
            )
            .takes_recording()
            .answers::<RecognizeReply>(200, "The words; none where nothing is said"),
    ];
    rows.into_iter().map(|row| row.class(Class::User).rate(Rate::Speech).tag("speech")).collect()
}

async fn transcribe(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Path((id, seq)): Path<(ConversationId, i64)>,
) -> Answer<axum::Json<RecognizeReply>> {
    let request = TranscribeRequest { conversation_id: id.to_vec(), seq };
    Ok(axum::Json(gateway.services.speech.transcribe(&ctx, request).await?))
}

async fn recognize(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Bytes { media_type, bytes }: Bytes,
) -> Answer<axum::Json<RecognizeReply>> {
    let request = RecognizeRequest { audio: bytes.to_vec(), media_type };
    Ok(axum::Json(gateway.services.speech.recognize(&ctx, request).await?))
}
