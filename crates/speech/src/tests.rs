//! The vendors against servers that look at what they are asked, programs that misbehave, and voice messages.

mod baidu;
mod command;
mod openai;
mod transcribe;
mod vendor_server;

use std::time::Duration;

use tokio::time::Instant;

use crate::audio::Sound;

/// A second of a rising tone, as PCM.
fn pcm() -> Vec<u8> {
    (0..16_000i16).flat_map(|sample| (sample % 2_000).to_le_bytes()).collect()
}

fn sound() -> Sound {
    Sound::of(pcm(), "", 60_000).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}
