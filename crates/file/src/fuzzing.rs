//! For fuzz targets only: what a file is by its bytes, what is made of pictures, and what a file may be called.

use std::io::Cursor;

use anser_contract::v1::FileKind;

use crate::{
    examine::{Found, described},
    name,
    picture::{self, Bounds},
    sniff,
};

/// Small enough for thousands of pictures a second, large enough for every way through the decoders.
const BOUNDS: Bounds = Bounds { pixels: 1 << 20, side: 4_096, mib: 16 };

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its media type.
    pub media_type: &'static str,
    /// What sort of thing it is.
    pub kind: FileKind,
    /// How wide and high a picture is; 0 where it is none.
    pub dimensions: (u32, u32),
    /// How long a recording is, where that is known.
    pub duration_ms: i64,
}

/// What a file with these bytes is.
pub fn look(bytes: &[u8]) -> Seen {
    let found = Found {
        sha256: Vec::new(),
        crc32: 0,
        size: bytes.len() as i64,
        media_type: sniff::media_type(&bytes[..bytes.len().min(sniff::LOOKED_AT)]),
        kind: FileKind::Other,
        width: 0,
        height: 0,
        duration_ms: 0,
    };
    let Found { media_type, kind, width, height, duration_ms, .. } = described(found, &mut Cursor::new(bytes), BOUNDS);
    Seen { media_type, kind, dimensions: (width, height), duration_ms }
}

/// Whether a picture of this size is looked into.
pub fn allowed(width: u32, height: u32) -> bool {
    BOUNDS.allow(width, height)
}

/// The thumbnail of a picture, if it is one.
pub fn thumbnail(bytes: &[u8], media_type: &str) -> Option<Vec<u8>> {
    picture::thumbnail(bytes, media_type, BOUNDS).ok()
}

/// The face in a picture, and the same in small.
pub fn face(bytes: &[u8], media_type: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    picture::face(bytes, media_type, BOUNDS).ok().map(|face| (face.normal, face.small))
}

/// What a file is called that somebody calls so.
pub fn file_name(name: &str) -> Option<String> {
    name::clean(name).ok()
}
