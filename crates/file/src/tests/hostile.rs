//! Files that were made to do harm: they are kept as what they are, bytes, and nothing looks into them.

use anser_contract::v1::{FileKind, MakeAvatarRequest};
use image::{DynamicImage, ImageFormat};

use super::*;

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// The picture with other dimensions in its head.
fn lying(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = picture(format, 3, 2);
    match format {
        ImageFormat::Png => {
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            // A decoder that looks at the check sum is not to be what saves us.
            let crc = crc32fast::hash(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        }
        ImageFormat::Gif => {
            for place in [6, bytes.iter().position(|byte| *byte == b',').unwrap() + 5] {
                bytes[place..place + 2].copy_from_slice(&(width as u16).to_le_bytes());
                bytes[place + 2..place + 4].copy_from_slice(&(height as u16).to_le_bytes());
            }
        }
        _ => {
            let frame = bytes.windows(2).position(|marker| matches!(marker, [0xff, 0xc0..=0xc2])).unwrap();
            bytes[frame + 5..frame + 7].copy_from_slice(&(height as u16).to_be_bytes());
            bytes[frame + 7..frame + 9].copy_from_slice(&(width as u16).to_be_bytes());
        }
    }
    bytes
}

#[tokio::test]
async fn bombs_are_files_like_any_other_and_nobody_unfolds_them() {
    let shelf = Shelf::new();
    for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::Jpeg] {
        for (width, height) in [(65_535, 65_535), (20_000, 2), (9_000, 9_000)] {
            let bomb = lying(format, width, height);
            let file = shelf.put(ALICE, "bomb.png", &bomb).await.unwrap();
            assert_eq!((file.kind(), file.media_type.as_str()), (FileKind::Other, "application/octet-stream"));
            let make = MakeAvatarRequest { file_id: file.file_id.clone() };
            assert!(shelf.files.make_avatar(&by(ALICE), make).await.is_err());
            assert_eq!(shelf.read(&file, FileVariant::Original).await.unwrap(), bomb);
        }
        // Within what is looked into, and yet not what the head says: no thumbnail, and nothing worse.
        let file = shelf.put(ALICE, "lies", &lying(format, 5_000, 5_000)).await.unwrap();
        assert_eq!(file.kind(), FileKind::Image);
        let _refused_or_grey = shelf.files.make_avatar(&by(ALICE), MakeAvatarRequest { file_id: file.file_id }).await;
    }
    shelf.make_thumbnails().await;
}

#[tokio::test]
async fn what_has_two_faces_is_what_its_first_bytes_say() {
    let shelf = Shelf::new();
    let script = b"<script>alert(document.cookie)</script>";
    let gif = [&picture(ImageFormat::Gif, 2, 2)[..], script].concat();
    let found = shelf.put(ALICE, "x.html", &gif).await.unwrap();
    assert_eq!(found.media_type, "image/gif");
    let shorter = [b"GIF89a".as_slice(), script].concat();
    let page = [script.as_slice(), &picture(ImageFormat::Png, 2, 2)].concat();
    let zip = [b"PK\x03\x04".as_slice(), &picture(ImageFormat::Jpeg, 2, 2)].concat();
    let svg = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for (name, bytes) in [("a.gif", shorter), ("b.png", page), ("c.jpg", zip), ("d.svg", svg)] {
        let file = shelf.put(ALICE, name, &bytes).await.unwrap();
        let harmless = ["application/octet-stream", "application/zip", "image/gif"];
        assert!(harmless.contains(&file.media_type.as_str()), "{name}: {}", file.media_type);
        assert!(shelf.files.make_avatar(&by(ALICE), MakeAvatarRequest { file_id: file.file_id }).await.is_err());
    }
    shelf.make_thumbnails().await;
}

#[tokio::test]
async fn torn_and_deep_things_are_bytes() {
    let shelf = Shelf::new();
    // An archive in an archive in an archive: nobody opens it.
    let mut nested = b"PK\x03\x04".to_vec();
    for _ in 0..100 {
        nested = [b"PK\x03\x04\x14\0\0\0\0\0".as_slice(), &nested].concat();
    }
    let mut corpus = vec![
        nested,
        vec![0; 5],
        vec![0xff; 100],
        b"\xff\xd8\xff".to_vec(),
        b"RIFF\xff\xff\xff\xffWAVEdata".to_vec(),
        Vec::new(),
    ];
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let whole = picture(format, 40, 30);
        for cut in [1, 9, 20, whole.len() / 2, whole.len() - 1] {
            corpus.push(whole[..cut.min(whole.len())].to_vec());
        }
        for place in (8..whole.len()).step_by(7) {
            let mut flipped = whole.clone();
            flipped[place] ^= 0xff;
            corpus.push(flipped);
        }
    }
    for bytes in corpus {
        let file = shelf.put(ALICE, "\u{202e}gpj.exe\0", &bytes).await.unwrap();
        assert_eq!(file.name, "gpj.exe");
        assert_eq!(shelf.read(&file, FileVariant::Original).await.unwrap(), bytes);
        let _refused_or_not = shelf.files.make_avatar(&by(ALICE), MakeAvatarRequest { file_id: file.file_id }).await;
    }
    shelf.make_thumbnails().await;
}
