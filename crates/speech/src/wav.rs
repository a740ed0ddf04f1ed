//! WAV: read as far as it holds 16-bit PCM, made 16 kHz and one channel, and written.

use anser_types::{Code, Error, Result};

use crate::audio::RATE;

/// What a WAV file holds.
pub struct Wav<'w> {
    channels: usize,
    rate: u32,
    /// Whole frames: a sample of two bytes for each channel.
    data: &'w [u8],
}

/// Reads a file that begins with `RIFF….WAVE`. What it says of lengths is not believed beyond its end.
pub fn parse(file: &[u8]) -> Result<Wav<'_>> {
    let broken = || Error::invalid("this WAV file is damaged");
    let mut rest = file.get(12..).ok_or_else(broken)?;
    let mut form = None;
    while rest.len() >= 8 {
        let (head, after) = rest.split_at(8);
        let said = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let chunk = &after[..said.min(after.len())];
        match &head[..4] {
            b"fmt " => form = Some(read_form(chunk)?),
            b"data" => {
                let (channels, rate) = form.ok_or_else(broken)?;
                let whole = chunk.len() / (2 * channels) * (2 * channels);
                return match whole {
                    0 => Err(Error::invalid("there is no sound")),
                    whole => Ok(Wav { channels, rate, data: &chunk[..whole] }),
                };
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = after.get(said.saturating_add(said % 2)..).unwrap_or_default();
    }
    Err(broken())
}

/// Channels and samples a second.
fn read_form(chunk: &[u8]) -> Result<(usize, u32)> {
    let short = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let rate = chunk.get(4..8).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    // An extensible form says further down what it is.
    let form = match short(0) {
        Some(0xfffe) => short(24),
        form => form,
    };
    match (form, short(2), rate, short(14)) {
        (Some(1), Some(channels @ 1..=8), Some(rate @ 4_000..=192_000), Some(16)) => Ok((channels.into(), rate)),
        _ => Err(Error::new(Code::Unsupported, "of WAV files those are taken that hold PCM of 16 bits")),
    }
}

impl Wav<'_> {
    /// How long it sounds.
    pub fn duration_ms(&self) -> i64 {
        self.frames() as i64 * 1_000 / i64::from(self.rate)
    }

    fn frames(&self) -> usize {
        self.data.len() / (2 * self.channels)
    }

    /// The same as PCM of one channel at 16 kHz: the mean of the channels, and between two samples a straight line.
    pub fn to_pcm(&self) -> Vec<u8> {
        if self.channels == 1 && self.rate == RATE {
            return self.data.to_vec();
        }
        let mono: Vec<i32> = self.data.chunks_exact(2 * self.channels).map(mean).collect();
        let (rate, last) = (u64::from(self.rate), mono.len() - 1);
        let count = (mono.len() as u64 * u64::from(RATE) / rate).max(1);
        let mut pcm = Vec::with_capacity(count as usize * 2);
        for index in 0..count {
            let (place, beyond) = (index * rate / u64::from(RATE), index * rate % u64::from(RATE));
            let (left, right) = (mono[(place as usize).min(last)], mono[(place as usize + 1).min(last)]);
            let sample = i64::from(left) + i64::from(right - left) * beyond as i64 / i64::from(RATE);
            pcm.extend_from_slice(&(sample as i16).to_le_bytes());
        }
        pcm
    }
}

fn mean(frame: &[u8]) -> i32 {
    let samples = frame.chunks_exact(2).map(|sample| i32::from(i16::from_le_bytes([sample[0], sample[1]])));
    samples.sum::<i32>() / (frame.len() / 2) as i32
}

/// A WAV file of PCM at 16 kHz.
pub fn wrap(pcm: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(44 + pcm.len());
    let length = pcm.len() as u32;
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + length).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16u32.to_le_bytes());
    file.extend_from_slice(&1u16.to_le_bytes());
    file.extend_from_slice(&1u16.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(2 * RATE).to_le_bytes());
    file.extend_from_slice(&2u16.to_le_bytes());
    file.extend_from_slice(&16u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(pcm);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(channels: u16, rate: u32, bits: u16, samples: &[i16]) -> Vec<u8> {
        let pcm: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut file = wrap(&pcm);
        file[22..24].copy_from_slice(&channels.to_le_bytes());
        file[24..28].copy_from_slice(&rate.to_le_bytes());
        file[34..36].copy_from_slice(&bits.to_le_bytes());
        file
    }

    fn pcm(file: &[u8]) -> Vec<i16> {
        let pcm = parse(file).unwrap().to_pcm();
        pcm.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect()
    }

    #[test]
    fn what_was_wrapped_is_read_again() {
        assert_eq!(pcm(&made(1, RATE, 16, &[1, -2, 300])), [1, -2, 300]);
    }

    #[test]
    fn channels_become_one_and_rates_16_khz() {
        assert_eq!(pcm(&made(2, RATE, 16, &[10, 20, -10, -30])), [15, -20]);
        assert_eq!(pcm(&made(1, 8_000, 16, &[0, 100, 50])), [0, 50, 100, 75, 50, 50]);
        assert_eq!(pcm(&made(1, 32_000, 16, &[0, 1, 2, 3])), [0, 2]);
        assert_eq!(parse(&made(2, 8_000, 16, &[0; 16_000])).unwrap().duration_ms(), 1_000);
    }

    #[test]
    fn lies_and_other_forms_are_refused_and_nothing_breaks() {
        assert!(parse(&made(1, RATE, 8, &[1])).is_err_and(|error| error.code == Code::Unsupported));
        assert!(parse(&made(0, RATE, 16, &[1])).is_err());
        assert!(parse(&made(1, 0, 16, &[1])).is_err());
        assert!(parse(&made(1, RATE, 16, &[])).is_err());
        let mut longer_than_it_is = made(1, RATE, 16, &[7]);
        longer_than_it_is[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(pcm(&longer_than_it_is), [7]);
        let whole = made(2, 44_100, 16, &[1, 2, 3, 4]);
        for end in 0..whole.len() {
            let _ = parse(&whole[..end]).map(|wav| wav.to_pcm());
        }
    }
}
