//! Looking at a file that is complete: its hash, and what it is. With a small buffer, whatever its size.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};

use anser_contract::v1::FileKind;
use anser_types::Result;
use sha2::{Digest, Sha256};

use crate::{header, picture::Bounds, sniff, staging::io_error};

const BUFFER: usize = 256 << 10;

/// What was found in a file's bytes.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) sha256: Vec<u8>,
    pub(crate) crc32: u32,
    pub(crate) size: i64,
    pub(crate) media_type: &'static str,
    pub(crate) kind: FileKind,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) duration_ms: i64,
}

/// Looks at the file at `path`, and answers when it is on stable storage.
pub(crate) fn examine(path: &Path, bounds: Bounds) -> Result<Found> {
    look(path, bounds).map_err(|error| io_error("read an upload", &error))
}

fn look(path: &Path, bounds: Bounds) -> io::Result<Found> {
    let mut file = File::open(path)?;
    file.sync_all()?;
    let (mut sha256, mut crc32) = (Sha256::new(), crc32fast::Hasher::new());
    let (mut size, mut start) = (0i64, Vec::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        let bytes = &buffer[..read];
        if read == 0 {
            break;
        }
        if start.len() < sniff::LOOKED_AT {
            start.extend(bytes.iter().take(sniff::LOOKED_AT - start.len()));
        }
        sha256.update(bytes);
        crc32.update(bytes);
        size += read as i64;
    }
    drop(buffer);
    let found = Found {
        sha256: sha256.finalize().to_vec(),
        crc32: crc32.finalize(),
        size,
        media_type: sniff::media_type(&start),
        kind: FileKind::Other,
        width: 0,
        height: 0,
        duration_ms: 0,
    };
    Ok(described(found, &mut BufReader::new(file), bounds))
}

/// What claims to be a picture and is none within the bounds is a file like any other, which nobody shows as a picture.
pub(crate) fn described(found: Found, file: &mut (impl Read + Seek), bounds: Bounds) -> Found {
    let is_picture = matches!(found.media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp");
    if is_picture {
        return match header::dimensions(found.media_type, file) {
            Some((width, height)) if bounds.allow(width, height) => {
                Found { kind: FileKind::Image, width, height, ..found }
            }
            _ => Found { media_type: sniff::UNKNOWN, ..found },
        };
    }
    let duration_ms = match found.media_type {
        "audio/wav" => header::wav_duration_ms(file).unwrap_or_default(),
        _ => 0,
    };
    Found { kind: sniff::kind(found.media_type), duration_ms, ..found }
}
