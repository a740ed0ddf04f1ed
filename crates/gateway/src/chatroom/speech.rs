//! Voice to text: bare samples of 16 kHz, 16 bits, one channel.

use anser_contract::{
    chatroom::{SpeechRecognitionReq, SpeechRecognitionRsp},
    v1::RecognizeRequest,
};
use anser_types::Code;

use super::{
    call::Call,
    words::{NOT_RECOGNISED, Refused},
};

pub(super) async fn recognition(call: Call, asked: SpeechRecognitionReq) -> Result<SpeechRecognitionRsp, Refused> {
    let request = RecognizeRequest { audio: asked.speech_content.into(), media_type: String::new() };
    let reply = call.services().speech.recognize(&call.ctx, request).await.map_err(|error| match error.code {
        Code::RateLimited | Code::LimitExceeded | Code::Unauthenticated => call.refuse(&error),
        _ => format!("{NOT_RECOGNISED}{}", error.detail).into(),
    })?;
    Ok(SpeechRecognitionRsp { recognition_result: reply.text, ..SpeechRecognitionRsp::default() })
}
