//! Who finds the words: the seam, and which provider the configuration names.

use anser_types::{Clock, Result};
use tokio::time::Instant;

use crate::{
    audio::{Format, Sound},
    baidu::Baidu,
    command::Command,
    openai::OpenAi,
    options::Engine,
};

/// Somebody who finds the words in a recording.
#[async_trait::async_trait]
pub trait Provider: Send + Sync {
    /// Whether it takes recordings of this form. PCM is what every provider takes.
    fn takes(&self, format: Format) -> bool;

    /// The words, none where nothing is said. Nothing is kept; asked twice, it answers the same or so. After `deadline`
    /// nobody waits, and whoever drops the call has ended all that it began.
    ///
    /// `invalid_argument`, `too_large` and `unsupported` are about the recording; `unavailable` may pass; `internal` is
    /// for an operator to look into.
    async fn recognize(&self, sound: &Sound, deadline: Instant) -> Result<String>;
}

/// The provider of the configuration; `None`: it is off.
pub fn of(engine: &Engine, clock: &Clock) -> Result<Option<Box<dyn Provider>>> {
    Ok(match engine {
        Engine::Off => None,
        Engine::Baidu(options) => Some(Box::new(Baidu::new(options.clone(), clock.clone())?)),
        Engine::OpenAi(options) => Some(Box::new(OpenAi::new(options.clone())?)),
        Engine::Command(options) => Some(Box::new(Command::new(options.clone(), clock.clone())?)),
    })
}
