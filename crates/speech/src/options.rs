//! What configuration decides about speech.

use std::{fmt, path::PathBuf, time::Duration};

/// Limits and the provider; the defaults are the product's.
#[derive(Clone, Debug)]
pub struct SpeechOptions {
    /// Who finds the words.
    pub engine: Engine,
    /// Recordings that are worked on at once.
    pub at_once: usize,
    /// Recordings that wait; one more is refused.
    pub queue: usize,
    /// The largest recording, in bytes.
    pub audio_bytes: usize,
    /// The longest recording, in milliseconds, where its length can be told before it is decoded.
    pub audio_ms: i64,
    /// How long the words of one recording may take, the wait included.
    pub timeout: Duration,
}

impl Default for SpeechOptions {
    fn default() -> Self {
        Self {
            engine: Engine::Off,
            at_once: 2,
            queue: 32,
            audio_bytes: 10 << 20,
            audio_ms: 60_000,
            timeout: Duration::from_secs(60),
        }
    }
}

/// Who finds the words.
#[derive(Clone, Debug)]
pub enum Engine {
    /// Nobody.
    Off,
    /// Baidu's short speech recognition.
    Baidu(BaiduOptions),
    /// Any service with OpenAI's interface for transcriptions.
    OpenAi(OpenAiOptions),
    /// A program on this machine.
    Command(CommandOptions),
}

/// Of Baidu's service.
#[derive(Clone)]
pub struct BaiduOptions {
    /// Where tokens are got.
    pub token_url: String,
    /// Where recordings are sent.
    pub url: String,
    /// The number of the language and model.
    pub dev_pid: u32,
    /// The application's key.
    pub api_key: String,
    /// Its secret.
    pub secret_key: String,
}

/// Of a service with OpenAI's interface.
#[derive(Clone)]
pub struct OpenAiOptions {
    /// Where recordings are sent, to the end of its path.
    pub url: String,
    /// The model's name.
    pub model: String,
    /// The language that is spoken, as ISO 639-1 has it; empty: the service finds out.
    pub language: String,
    /// The key; empty: none.
    pub key: String,
}

/// Of a program.
#[derive(Clone, Debug)]
pub struct CommandOptions {
    /// The program and its arguments; `{file}` in them stands for the WAV file's path.
    pub program: Vec<String>,
    /// Where the WAV files stand while they are needed.
    pub folder: PathBuf,
    /// The most memory that each of its processes may take, in MiB.
    pub memory_mib: u64,
}

impl fmt::Debug for BaiduOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaiduOptions").field("url", &self.url).field("dev_pid", &self.dev_pid).finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenAiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiOptions").field("url", &self.url).field("model", &self.model).finish_non_exhaustive()
    }
}
