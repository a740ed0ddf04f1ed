//! What a recording is: told from its bytes, and not from what somebody says of it, but for PCM, which looks like nothing.

use std::borrow::Cow;

use anser_types::{Code, Error, Result};

use crate::wav;

/// Samples a second of PCM.
pub const RATE: u32 = 16_000;
/// Bytes of a second of PCM: 16 bits, one channel.
pub const BYTES_A_SECOND: usize = 2 * RATE as usize;

/// The form of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 16 kHz, 16 bits, little endian, one channel, without a header. What comes as WAV is made this.
    Pcm,
    /// AMR, narrow band.
    Amr,
    /// AMR, wide band.
    AmrWb,
    /// Ogg, with whatever in it.
    Ogg,
    /// FLAC.
    Flac,
    /// MP3.
    Mp3,
    /// AAC in MPEG-4.
    M4a,
    /// WebM.
    Webm,
}

impl Format {
    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Pcm => "pcm",
            Format::Amr | Format::AmrWb => "amr",
            Format::Ogg => "ogg",
            Format::Flac => "flac",
            Format::Mp3 => "mp3",
            Format::M4a => "m4a",
            Format::Webm => "webm",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Pcm => "audio/l16",
            Format::Amr => "audio/amr",
            Format::AmrWb => "audio/amr-wb",
            Format::Ogg => "audio/ogg",
            Format::Flac => "audio/flac",
            Format::Mp3 => "audio/mpeg",
            Format::M4a => "audio/mp4",
            Format::Webm => "audio/webm",
        }
    }
}

/// A recording that may be worked on.
pub struct Sound {
    /// Its form.
    pub format: Format,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Sound {
    /// The recording that these bytes are, at most `most_ms` long as far as that can be told.
    pub fn of(bytes: Vec<u8>, media_type: &str, most_ms: i64) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::invalid("there is no sound"));
        }
        let Some(format) = container(&bytes) else { return pcm(bytes, media_type, most_ms) };
        match format {
            Container::Wav => {
                let sound = wav::parse(&bytes)?;
                ensure_short(sound.duration_ms(), most_ms)?;
                Ok(Self { format: Format::Pcm, bytes: sound.to_pcm() })
            }
            Container::Other(format) => {
                let narrow = match format {
                    Format::Amr => Some((&b"#!AMR\n"[..], &AMR_BYTES)),
                    Format::AmrWb => Some((&b"#!AMR-WB\n"[..], &AMR_WB_BYTES)),
                    _ => None,
                };
                if let Some((head, frames)) = narrow {
                    ensure_short(amr_ms(&bytes[head.len()..], frames), most_ms)?;
                }
                Ok(Self { format, bytes })
            }
        }
    }

    /// The same with a WAV header, where it is PCM.
    pub fn in_container(&self) -> (Cow<'_, [u8]>, &'static str, &'static str) {
        match self.format {
            Format::Pcm => (wav::wrap(&self.bytes).into(), "wav", "audio/wav"),
            format => ((&self.bytes).into(), format.extension(), format.media_type()),
        }
    }
}

enum Container {
    Wav,
    Other(Format),
}

fn container(bytes: &[u8]) -> Option<Container> {
    let begins = |head: &[u8]| bytes.starts_with(head);
    let at = |place: usize, text: &[u8]| bytes.get(place..place + text.len()) == Some(text);
    Some(Container::Other(if begins(b"RIFF") && at(8, b"WAVE") {
        return Some(Container::Wav);
    } else if begins(b"#!AMR-WB\n") {
        Format::AmrWb
    } else if begins(b"#!AMR\n") {
        Format::Amr
    } else if begins(b"OggS") {
        Format::Ogg
    } else if begins(b"fLaC") {
        Format::Flac
    } else if begins(b"ID3") {
        Format::Mp3
    } else if at(4, b"ftyp") {
        Format::M4a
    } else if begins(&[0x1a, 0x45, 0xdf, 0xa3]) {
        Format::Webm
    } else {
        return None;
    }))
}

/// Bytes that are no known container.
fn pcm(bytes: Vec<u8>, media_type: &str, most_ms: i64) -> Result<Sound> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/octet-stream" | "audio/pcm" | "audio/l16" | "audio/x-pcm" => {}
        // Its frames begin with eleven ones, as a loud sample of PCM may.
        "audio/mpeg" | "audio/mp3" => return Ok(Sound { format: Format::Mp3, bytes }),
        _ => return Err(Error::new(Code::Unsupported, "this is not a recording that the server knows")),
    }
    if !bytes.len().is_multiple_of(2) {
        return Err(Error::invalid("PCM has two bytes for each sample"));
    }
    ensure_short(bytes.len() as i64 * 1_000 / BYTES_A_SECOND as i64, most_ms)?;
    Ok(Sound { format: Format::Pcm, bytes })
}

fn ensure_short(ms: i64, most_ms: i64) -> Result<()> {
    match ms <= most_ms {
        true => Ok(()),
        false => Err(Error::new(Code::TooLarge, format!("a recording is at most {} seconds long", most_ms / 1_000))),
    }
}

/// The bytes after the first of a frame, by the frame's type.
const AMR_BYTES: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];
const AMR_WB_BYTES: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];

/// How long AMR frames sound: 20 ms each.
fn amr_ms(frames: &[u8], bytes: &[usize; 16]) -> i64 {
    let (mut place, mut count) = (0, 0);
    while let Some(head) = frames.get(place) {
        place += 1 + bytes[usize::from(head >> 3 & 15)];
        count += 1;
    }
    count * 20
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], media_type: &str) -> Result<(Format, usize), Code> {
        let sound = Sound::of(bytes.to_vec(), media_type, 60_000).map_err(|error| error.code)?;
        Ok((sound.format, sound.bytes.len()))
    }

    #[test]
    fn a_recording_is_what_its_bytes_say() {
        assert_eq!(read(b"OggS rest", "image/png"), Ok((Format::Ogg, 9)));
        assert_eq!(read(b"\0\0\0\x18ftypM4A ", ""), Ok((Format::M4a, 12)));
        assert_eq!(read(&wav::wrap(&[1; 64]), "text/plain"), Ok((Format::Pcm, 64)));
        assert_eq!(read(&[1; 64], ""), Ok((Format::Pcm, 64)));
        assert_eq!(read(&[1; 64], "Application/Octet-Stream"), Ok((Format::Pcm, 64)));
        assert_eq!(read(&[1; 64], "image/png"), Err(Code::Unsupported));
        assert_eq!(read(&[1; 63], ""), Err(Code::InvalidArgument));
        assert_eq!(read(b"", ""), Err(Code::InvalidArgument));
    }

    const HEADS: [&[u8]; 6] = [b"", b"#!AMR\n", b"#!AMR-WB\n", b"OggS", b"RIFF\xff\xff\xff\xffWAVE", b"ID3"];

    proptest! {
        #[test]
        fn hostile_bytes_are_a_short_recording_or_none(
            head in prop::sample::select(HEADS.to_vec()),
            chunks in prop::collection::vec((prop::sample::select(vec![*b"fmt ", *b"data", *b"LIST"]), any::<u32>(), any::<[u8; 24]>()), 0..4),
            rest in prop::collection::vec(any::<u8>(), 0..400),
            form: bool,
        ) {
            let mut bytes = head.to_vec();
            if form {
                bytes.extend_from_slice(&wav::wrap(&[])[12..36]);
            }
            for (name, length, body) in chunks {
                bytes.extend_from_slice(&name);
                bytes.extend_from_slice(&(if form { length % 64 } else { length }).to_le_bytes());
                bytes.extend_from_slice(&body);
            }
            bytes.extend_from_slice(&rest);
            let most_ms = 10;
            if let Ok(sound) = Sound::of(bytes, "", most_ms) && sound.format == Format::Pcm {
                prop_assert!(sound.bytes.len() <= BYTES_A_SECOND * (most_ms as usize + 1) / 1_000);
                prop_assert_eq!(sound.bytes.len() % 2, 0);
            }
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_decoded() {
        let minute = vec![0; 60 * BYTES_A_SECOND];
        assert_eq!(read(&minute, ""), Ok((Format::Pcm, minute.len())));
        let longer = vec![0; 60 * BYTES_A_SECOND + 64];
        assert_eq!(read(&longer, ""), Err(Code::TooLarge));
        assert_eq!(read(&wav::wrap(&longer), ""), Err(Code::TooLarge));
        // Silence takes six bytes a frame: type 8 of the narrow band.
        let frames = |count: usize| [&b"#!AMR\n"[..], &[8 << 3, 0, 0, 0, 0, 0].repeat(count)].concat();
        assert!(read(&frames(3_000), "").is_ok());
        assert_eq!(read(&frames(3_001), ""), Err(Code::TooLarge));
        assert!(read(b"#!AMR\n", "").is_ok() && read(b"#!AMR-WB\n\xff", "").is_ok());
    }
}
