//! Speech: the words in voice messages, and in any sound that somebody brings.
//!
//! **Owns** nothing that lasts: the words of a message stand with the message, in messaging. **Calls** messaging, to look
//! at the message as its reader and to write the words onto it, and file, for the sound. **Tells** nothing.
//!
//! What must always hold: nobody gets the words of a message that they may not read; what one message says is found once,
//! however many ask at a time; so many recordings are worked on at once, so many wait, and the rest is refused; sizes and
//! lengths are looked at before anything is decoded.
//!
//! Here live: what a recording is ([`audio`]), who finds the words ([`provider`] and a file for each), and the two verbs.

pub mod audio;
mod baidu;
mod command;
mod desk;
mod openai;
mod options;
pub mod provider;
mod recognize;
mod transcribe;
mod vendor;
mod wav;

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{Files, Journal, RecognizeReply, RecognizeRequest, Speech, TranscribeRequest},
};
use anser_types::{Clock, Result};

use crate::{desk::Desk, provider::Provider, transcribe::Runs};
pub use options::{BaiduOptions, CommandOptions, Engine, OpenAiOptions, SpeechOptions};

/// The service.
pub struct SpeechService(Arc<Room>);

/// What its verbs work with.
struct Room {
    provider: Option<Box<dyn Provider>>,
    files: Arc<dyn Files>,
    journal: Arc<dyn Journal>,
    options: SpeechOptions,
    desk: Desk,
    runs: Runs,
}

impl SpeechService {
    /// The service with the provider that `options` name.
    pub fn new(
        options: SpeechOptions,
        files: Arc<dyn Files>,
        journal: Arc<dyn Journal>,
        clock: &Clock,
    ) -> Result<Arc<Self>> {
        let provider = provider::of(&options.engine, clock)?;
        Ok(Self::with(provider, options, files, journal))
    }

    fn with(
        provider: Option<Box<dyn Provider>>,
        options: SpeechOptions,
        files: Arc<dyn Files>,
        journal: Arc<dyn Journal>,
    ) -> Arc<Self> {
        let desk = Desk::new(options.at_once, options.queue);
        Arc::new(Self(Arc::new(Room { provider, files, journal, options, desk, runs: Runs::default() })))
    }
}

#[async_trait::async_trait]
impl Speech for SpeechService {
    async fn recognize(&self, ctx: &Context, request: RecognizeRequest) -> Result<RecognizeReply> {
        recognize::recognize(&self.0, ctx, request).await
    }

    async fn transcribe(&self, ctx: &Context, request: TranscribeRequest) -> Result<RecognizeReply> {
        transcribe::transcribe(&self.0, ctx, request).await
    }
}

#[cfg(test)]
mod tests;
