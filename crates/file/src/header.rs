//! What the head of a picture or a recording says of it, read with a few bytes of memory and before anything is decoded.
//!
//! It may lie: whoever decodes keeps limits of their own. Whatever is not as it should be is `None`.

use std::io::{Read, Seek, SeekFrom};

/// Width and height of a picture of this media type.
pub(crate) fn dimensions(media_type: &str, file: &mut (impl Read + Seek)) -> Option<(u32, u32)> {
    file.rewind().ok()?;
    let (width, height) = match media_type {
        "image/png" => png(file),
        "image/gif" => gif(file),
        "image/jpeg" => jpeg(file),
        "image/webp" => webp(file),
        _ => None,
    }?;
    (width > 0 && height > 0).then_some((width, height))
}

fn take<const N: usize>(file: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn png(file: &mut impl Read) -> Option<(u32, u32)> {
    let head: [u8; 24] = take(file)?;
    let number = |place: usize| Some(u32::from_be_bytes(head.get(place..place + 4)?.try_into().ok()?));
    if head.get(12..16)? != b"IHDR" {
        return None;
    }
    Some((number(16)?, number(20)?))
}

fn gif(file: &mut impl Read) -> Option<(u32, u32)> {
    let [.., w0, w1, h0, h1]: [u8; 10] = take(file)?;
    Some((u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([h0, h1]).into()))
}

/// Markers follow each other with their lengths until one begins a frame.
fn jpeg(file: &mut (impl Read + Seek)) -> Option<(u32, u32)> {
    let _start: [u8; 2] = take(file)?;
    // A real one has some dozens.
    for _ in 0..1_000 {
        let [mark, mut name] = take(file)?;
        if mark != 0xff {
            return None;
        }
        while name == 0xff {
            [name] = take(file)?;
        }
        match name {
            0x01 | 0xd0..=0xd8 => continue,
            0xd9 | 0xda => return None,
            _ => {}
        }
        let length = u16::from_be_bytes(take(file)?);
        if matches!(name, 0xc0..=0xcf) && !matches!(name, 0xc4 | 0xc8 | 0xcc) {
            let [_precision, h0, h1, w0, w1] = take(file)?;
            return Some((u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into()));
        }
        file.seek(SeekFrom::Current(i64::from(length.checked_sub(2)?))).ok()?;
    }
    None
}

fn webp(file: &mut impl Read) -> Option<(u32, u32)> {
    let head: [u8; 30] = take(file)?;
    let byte = |place: usize| u32::from(head[place]);
    match head.get(12..16)? {
        b"VP8X" => {
            let number = |place: usize| byte(place) | byte(place + 1) << 8 | byte(place + 2) << 16;
            Some((number(24) + 1, number(27) + 1))
        }
        b"VP8 " => {
            let number = |place: usize| (byte(place) | byte(place + 1) << 8) & 0x3fff;
            Some((number(26), number(28)))
        }
        b"VP8L" => {
            let bits = byte(21) | byte(22) << 8 | byte(23) << 16 | byte(24) << 24;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// How long a WAV recording is: its data through its bytes a second, and never more data than there is.
pub(crate) fn wav_duration_ms(file: &mut (impl Read + Seek)) -> Option<i64> {
    let size = file.seek(SeekFrom::End(0)).ok()?;
    let mut place = file.seek(SeekFrom::Start(12)).ok()?;
    let mut bytes_a_second = None;
    for _ in 0..1_000 {
        let [n0, n1, n2, n3, l0, l1, l2, l3] = take(file)?;
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        place += 8;
        match &[n0, n1, n2, n3] {
            b"fmt " => {
                let [.., r0, r1, r2, r3]: [u8; 12] = take(file)?;
                bytes_a_second = Some(u32::from_le_bytes([r0, r1, r2, r3])).filter(|rate| *rate > 0);
            }
            b"data" => {
                let data = length.min(size.saturating_sub(place));
                return Some((data.saturating_mul(1_000) / u64::from(bytes_a_second?)) as i64);
            }
            _ => {}
        }
        // Chunks begin at even places.
        place += length + (length & 1);
        file.seek(SeekFrom::Start(place)).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};
    use proptest::prelude::*;

    use super::*;
    use crate::sniff;

    #[test]
    fn the_head_says_what_the_decoder_finds() {
        let picture = DynamicImage::new_rgb8(70, 33);
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            let mut file = Cursor::new(Vec::new());
            picture.write_to(&mut file, format).unwrap();
            let media_type = sniff::media_type(file.get_ref());
            assert_eq!(media_type, format.to_mime_type());
            assert_eq!(dimensions(media_type, &mut file), Some((70, 33)), "{media_type}");
        }
    }

    pub(crate) fn wav(rate: u32, data: u32, claims: u32) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(16_000u32.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend(b"\x02\0\x10\0data");
        file.extend(claims.to_le_bytes());
        file.resize(file.len() + data as usize, 0);
        file
    }

    #[test]
    fn a_recording_is_as_long_as_its_data() {
        let duration = |file: Vec<u8>| wav_duration_ms(&mut Cursor::new(file));
        assert_eq!(duration(wav(32_000, 48_000, 48_000)), Some(1_500));
        assert_eq!(duration(wav(32_000, 32_000, u32::MAX)), Some(1_000), "and no longer than the file");
        assert_eq!(duration(wav(0, 32_000, 32_000)), None);
        assert_eq!(duration(b"RIFF\0\0\0\0WAVE".to_vec()), None);
    }

    proptest! {
        #[test]
        fn no_head_is_too_strange(kind in 0usize..5, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let types = ["image/png", "image/gif", "image/jpeg", "image/webp", "audio/wav"];
            let start: [&[u8]; 5] = [b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WAVE"];
            let file = [start[kind], &bytes].concat();
            let _any = dimensions(types[kind], &mut Cursor::new(&file));
            let _any = wav_duration_ms(&mut Cursor::new(&file));
        }
    }
}
