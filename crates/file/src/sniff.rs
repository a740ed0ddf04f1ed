//! What a file is, by its first bytes. Names and what clients say count for nothing.
//!
//! What is not in the table is `application/octet-stream`: texts too, because a text may be a page with a script.

use anser_contract::v1::FileKind;

/// How many bytes are looked at.
pub(crate) const LOOKED_AT: usize = 64;

/// What nothing is known of.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// The media type of what begins with `start`.
pub(crate) fn media_type(start: &[u8]) -> &'static str {
    let at = |place: usize, bytes: &[u8]| start.get(place..place + bytes.len()) == Some(bytes);
    let begins = |bytes: &[u8]| at(0, bytes);
    match () {
        () if begins(b"\xff\xd8\xff") => "image/jpeg",
        () if begins(b"\x89PNG\r\n\x1a\n") => "image/png",
        () if begins(b"GIF87a") || begins(b"GIF89a") => "image/gif",
        () if begins(b"RIFF") && at(8, b"WEBP") => "image/webp",
        () if begins(b"RIFF") && at(8, b"WAVE") => "audio/wav",
        () if begins(b"RIFF") && at(8, b"AVI ") => "video/x-msvideo",
        () if begins(b"OggS") => "audio/ogg",
        () if begins(b"fLaC") => "audio/flac",
        () if begins(b"#!AMR\n") => "audio/amr",
        () if begins(b"#!AMR-WB\n") => "audio/amr-wb",
        () if begins(b"ID3") => "audio/mpeg",
        () if begins(b"\xff\xf1") || begins(b"\xff\xf9") => "audio/aac",
        () if [0xfb, 0xf3, 0xf2, 0xfa].iter().any(|&second| begins(&[0xff, second])) => "audio/mpeg",
        () if at(4, b"ftyp") => boxed(start.get(8..12).unwrap_or_default()),
        () if begins(b"\x1a\x45\xdf\xa3") => matroska(start),
        () if begins(b"%PDF-") => "application/pdf",
        () if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => "application/zip",
        () if begins(b"\x1f\x8b") => "application/gzip",
        () if begins(b"7z\xbc\xaf\x27\x1c") => "application/x-7z-compressed",
        () if begins(b"Rar!\x1a\x07") => "application/vnd.rar",
        () if begins(b"\xfd7zXZ\0") => "application/x-xz",
        () if begins(b"\x28\xb5\x2f\xfd") => "application/zstd",
        () => UNKNOWN,
    }
}

/// The brand of an ISO base media file says what is in it.
fn boxed(brand: &[u8]) -> &'static str {
    match brand {
        b"M4A " | b"M4B " => "audio/mp4",
        b"qt  " => "video/quicktime",
        b"heic" | b"heix" | b"mif1" => "image/heic",
        b"avif" | b"avis" => "image/avif",
        _ if brand.starts_with(b"3gp") => "video/3gpp",
        _ => "video/mp4",
    }
}

fn matroska(start: &[u8]) -> &'static str {
    let says_webm = start.windows(4).any(|window| window == b"webm");
    if says_webm { "video/webm" } else { "video/x-matroska" }
}

/// What sort of thing a media type is. Pictures are only those that are looked into; see [`crate::header`].
pub(crate) fn kind(media_type: &str) -> FileKind {
    match media_type.split('/').next() {
        Some("audio") => FileKind::Audio,
        Some("video") => FileKind::Video,
        _ => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn content_says_what_it_is_and_pages_are_nothing_special() {
        for (start, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], "image/png"),
            (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"\0\0\0\x20ftypisom", "video/mp4"),
            (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
            (b"<html><script>alert(1)</script>", UNKNOWN),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", UNKNOWN),
            (b"#!/bin/sh\n", UNKNOWN),
            (b"MZ\x90\0", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(media_type(start), expected, "{start:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something_that_no_browser_runs(start in prop::collection::vec(any::<u8>(), 0..80)) {
            let found = media_type(&start);
            let runs = ["html", "xml", "svg", "javascript", "text/"].iter().any(|word| found.contains(word));
            prop_assert!(!runs, "{}", found);
        }
    }
}
