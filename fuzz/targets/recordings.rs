//! Recordings: the first byte says what somebody calls it, the rest is one that is short enough, or none. What is PCM then
//! goes to a provider as it is or as WAV, and is the same there.
#![no_main]

use anser_speech::audio::{BYTES_A_SECOND, Format, Sound};
use anser_types::Code;
use libfuzzer_sys::fuzz_target;

const CALLED: [&str; 6] =
    ["", "audio/pcm; rate=16000", "audio/mpeg", "AUDIO/L16", "image/png", "application/octet-stream"];
/// So short that a fuzzer's recordings reach it.
const MOST_MS: i64 = 40;
const MOST_BYTES: usize = BYTES_A_SECOND * (MOST_MS as usize + 1) / 1_000;

fuzz_target!(|data: &[u8]| {
    let Some((called, bytes)) = data.split_first() else { return };
    let media_type = CALLED[usize::from(*called) % CALLED.len()];
    let sound = match Sound::of(bytes.to_vec(), media_type, MOST_MS) {
        Ok(sound) => sound,
        Err(error) => {
            assert!(matches!(error.code, Code::InvalidArgument | Code::Unsupported | Code::TooLarge), "{error}");
            return;
        }
    };
    let (wrapped, extension, wrapped_type) = sound.in_container();
    assert!(!extension.is_empty() && wrapped_type.starts_with("audio/"));
    if sound.format != Format::Pcm {
        assert_eq!(&*wrapped, bytes, "what is not decoded is not touched");
        return;
    }
    assert!(!sound.bytes.is_empty() && sound.bytes.len() % 2 == 0);
    assert!(sound.bytes.len() <= MOST_BYTES, "{} bytes", sound.bytes.len());
    let again = Sound::of(wrapped.to_vec(), "", MOST_MS + 1).expect("what was wrapped is read");
    assert_eq!(again.bytes, sound.bytes);
});
