//! Files that people send: any bytes are something that no browser runs, and of what claims to be a picture a small
//! picture is made that says nothing else, or none.
#![no_main]

use anser_contract::v1::FileKind;
use anser_file::fuzzing::{Seen, allowed, face, look, thumbnail};
use libfuzzer_sys::fuzz_target;

const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A JPEG of ours: as large as it may be, and with nothing in it but the picture.
fn check(made: &[u8], side: u32, square: bool) {
    let Seen { media_type, kind, dimensions: (width, height), .. } = look(made);
    assert_eq!((media_type, kind), ("image/jpeg", FileKind::Image));
    assert!((1..=side).contains(&width) && (1..=side).contains(&height), "{width} × {height}");
    assert!(!square || width == height);
    // What cameras and programs say of themselves stands behind such a mark.
    assert!(!made.windows(2).any(|mark| mark == [0xff, 0xe1] || mark == [0xff, 0xfe]));
}

fuzz_target!(|data: &[u8]| {
    let seen = look(data);
    let runs = ["html", "xml", "svg", "javascript", "text/"].iter().any(|word| seen.media_type.contains(word));
    assert!(!runs, "{}", seen.media_type);
    let (width, height) = seen.dimensions;
    assert_eq!(seen.kind == FileKind::Image, width > 0 && height > 0);
    assert!(allowed(width, height));
    // A second of PCM has at least a byte.
    assert!((0..=data.len() as i64 * 1_000).contains(&seen.duration_ms));

    // Also under a name that is not its own: what was found once is what is decoded later.
    let claimed = PICTURES[data.last().map_or(0, |byte| usize::from(*byte)) % PICTURES.len()];
    let media_type = if seen.kind == FileKind::Image { seen.media_type } else { claimed };
    if let Some(made) = thumbnail(data, media_type) {
        check(&made, 320, false);
        let (normal, small) = face(data, media_type).expect("what has a thumbnail makes a face");
        check(&normal, 256, true);
        check(&small, 96, true);
        assert!(small.len() <= 6 << 10, "{} bytes", small.len());
    }
});
