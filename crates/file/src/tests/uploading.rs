//! Uploads: parts in any order, again, after a start; what a file is once it is complete.

use anser_contract::v1::{
    AbortUploadRequest, ClaimFilesRequest, FileKind, FilePurpose, ListUploadsRequest, MakeAvatarRequest,
    MintDownloadRequest, RedeemDownloadRequest,
};
use anser_types::Code;
use image::{DynamicImage, ImageFormat};
use proptest::{collection::vec, prelude::*};

use super::*;

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

#[tokio::test]
async fn what_is_not_among_the_types_that_are_taken_becomes_no_file() {
    let shelf = Shelf::with(|options| options.types = vec!["image/*".into()]);
    shelf.put(ALICE, "page.html", &png(2, 2)).await.unwrap();
    let refused = shelf.put(ALICE, "picture.png", b"<html>").await.unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert_eq!(shelf.lies_in("blobs").len(), 1);
}

#[tokio::test]
async fn a_file_comes_in_parts_and_goes_on_after_a_start() {
    let shelf = Shelf::new();
    let upload = shelf.begin(ALICE, "../notes.txt", 25).await.unwrap();
    assert_eq!((upload.parts, upload.part_bytes, upload.name.as_str()), (3, 10, ".._notes.txt"));
    shelf.write(ALICE, &upload, 3, b"UVWXY").await.unwrap();
    shelf.piece(ALICE, &upload, 1, 0, b"abc", false).await.unwrap();
    assert!(shelf.complete(ALICE, &upload).await.unwrap_err().detail.contains("part 1"));

    let shelf = shelf.reopened();
    assert_eq!(shelf.state(ALICE, &upload).await.unwrap().received, [3]);
    let refused = shelf.piece(ALICE, &upload, 1, 3, b"defghij", true).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable, "what was interrupted begins anew");
    shelf.write(ALICE, &upload, 1, b"xxxxxxxxxx").await.unwrap();
    shelf.write(ALICE, &upload, 2, b"klmnopqrst").await.unwrap();
    shelf.piece(ALICE, &upload, 1, 0, b"abcde", false).await.unwrap();
    assert_eq!(shelf.state(ALICE, &upload).await.unwrap().received, [2, 3], "it is no longer what it was");
    assert_eq!(shelf.piece(ALICE, &upload, 1, 5, b"fghij", true).await.unwrap(), 10);

    let file = shelf.complete(ALICE, &upload).await.unwrap();
    assert_eq!(file.file_id, upload.upload_id);
    assert_eq!((file.size, file.media_type.as_str(), file.kind()), (25, "application/octet-stream", FileKind::Other));
    assert_eq!(shelf.read(&file, FileVariant::Original).await.unwrap(), b"abcdefghijklmnopqrstUVWXY");
    assert_eq!(shelf.complete(ALICE, &upload).await.unwrap(), file, "again: the same");
    assert_eq!(shelf.state(ALICE, &upload).await.unwrap().file_id, file.file_id);
    assert!(shelf.lies_in("uploads").is_empty());
}

#[tokio::test]
async fn the_same_content_is_stored_once_and_stays_until_the_last_file_is_gone() {
    let shelf = Shelf::new();
    let (one, two) =
        (shelf.put(ALICE, "a", b"the same").await.unwrap(), shelf.put(BOB, "b", b"the same").await.unwrap());
    assert_eq!(one.sha256, two.sha256);
    assert_eq!(shelf.lies_in("blobs").len(), 1);
    shelf.hold(&two, false).await;
    shelf.clock.advance(2 * DAY);
    shelf.sweep().await;
    assert_eq!((shelf.known(&one).await.is_some(), shelf.known(&two).await.is_some()), (false, true));
    assert_eq!(shelf.read(&two, FileVariant::Original).await.unwrap(), b"the same");
}

#[tokio::test]
async fn other_bytes_than_promised_are_no_file() {
    let shelf = Shelf::new();
    let sha256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".to_owned();
    let request = CreateUploadRequest { size: 3, sha256, ..CreateUploadRequest::default() };
    let upload = shelf.files.create_upload(&by(ALICE), request).await.unwrap();
    shelf.write(ALICE, &upload, 1, b"bar").await.unwrap();
    assert_eq!(shelf.complete(ALICE, &upload).await.unwrap_err().fields[0].field, "sha256");
    shelf.write(ALICE, &upload, 1, b"foo").await.unwrap();
    shelf.complete(ALICE, &upload).await.expect("the right ones are");
}

#[tokio::test]
async fn an_upload_is_nobody_elses() {
    let shelf = Shelf::new();
    let upload = shelf.begin(ALICE, "a", 3).await.unwrap();
    assert_eq!(shelf.state(BOB, &upload).await.unwrap_err().code, Code::NotFound);
    assert_eq!(shelf.write(BOB, &upload, 1, b"abc").await.unwrap_err().code, Code::NotFound);
    shelf.write(ALICE, &upload, 1, b"abc").await.unwrap();
    assert_eq!(shelf.complete(BOB, &upload).await.unwrap_err().code, Code::NotFound);
    let abort = AbortUploadRequest { upload_id: upload.upload_id.clone() };
    assert_eq!(shelf.files.abort_upload(&by(BOB), abort.clone()).await.unwrap_err().code, Code::NotFound);
    let file = shelf.complete(ALICE, &upload).await.unwrap();
    assert_eq!(shelf.state(BOB, &upload).await.unwrap_err().code, Code::NotFound);
    let make = MakeAvatarRequest { file_id: file.file_id };
    assert_eq!(shelf.files.make_avatar(&by(BOB), make).await.unwrap_err().code, Code::NotFound);
    shelf.files.abort_upload(&by(ALICE), abort).await.expect_err("it is a file now");
}

#[tokio::test]
async fn what_is_given_up_leaves_nothing() {
    let shelf = Shelf::new();
    let upload = shelf.begin(ALICE, "a", 30).await.unwrap();
    shelf.write(ALICE, &upload, 2, b"0123456789").await.unwrap();
    assert_eq!(shelf.lies_in("uploads").len(), 1);
    shelf.files.abort_upload(&by(ALICE), AbortUploadRequest { upload_id: upload.upload_id.clone() }).await.unwrap();
    assert!(shelf.lies_in("uploads").is_empty());
    assert_eq!(shelf.state(ALICE, &upload).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn open_uploads_are_listed_newest_first_in_pages() {
    let shelf = Shelf::new();
    for name in ["one", "two", "three"] {
        shelf.clock.advance(1);
        shelf.begin(ALICE, name, 5).await.unwrap();
    }
    shelf.begin_at_once(ALICE, "not one of them").await.unwrap();
    let list = async |cursor: String| {
        let request = ListUploadsRequest { limit: 2, cursor };
        shelf.files.list_uploads(&by(ALICE), request).await
    };
    let page = list(String::new()).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|upload| upload.name.as_str()).collect();
    assert_eq!(names, ["three", "two"]);
    let rest = list(page.next_cursor).await.unwrap();
    assert_eq!((rest.items.len(), rest.items[0].name.as_str(), rest.next_cursor.as_str()), (1, "one", ""));
}

#[tokio::test]
async fn nobody_has_more_than_their_share() {
    let shelf = Shelf::with(|options| {
        options.quota = 100;
        options.uploads_a_user = 2;
        options.largest = 80;
    });
    assert_eq!(shelf.begin(ALICE, "a", 81).await.unwrap_err().code, Code::TooLarge);
    let first = shelf.begin(ALICE, "a", 60).await.unwrap();
    assert_eq!(shelf.begin(ALICE, "b", 41).await.unwrap_err().code, Code::LimitExceeded, "what comes counts too");
    shelf.begin(ALICE, "b", 1).await.unwrap();
    assert_eq!(shelf.begin(ALICE, "c", 1).await.unwrap_err().code, Code::LimitExceeded, "too many at once");
    shelf.begin(BOB, "b", 80).await.expect("that is nobody else's affair");
    for part in 1..=6 {
        shelf.write(ALICE, &first, part, b"0123456789").await.unwrap();
    }
    shelf.complete(ALICE, &first).await.unwrap();
    // Of unknown size, and too large at its end.
    assert_eq!(shelf.put(ALICE, "d", &[0; 50]).await.unwrap_err().code, Code::LimitExceeded);
    let usage = shelf.files.get_usage(&by(ALICE), Default::default()).await.unwrap();
    assert_eq!((usage.bytes_used, usage.files, usage.bytes_allowed), (60, 1, 100));
}

#[tokio::test]
async fn a_full_disk_takes_nothing() {
    let shelf = Shelf::on(|_| {}, SpaceLimits { growth_below: Some(u64::MAX), writes_below: 0 });
    assert_eq!(shelf.begin(ALICE, "a", 5).await.unwrap_err().code, Code::StorageFull);
    let nowhere = Upload { upload_id: vec![1; 16], ..Upload::default() };
    assert_eq!(shelf.write(ALICE, &nowhere, 1, b"x").await.unwrap_err().code, Code::StorageFull);
    shelf.sweep().await;
}

#[tokio::test]
async fn a_key_begins_one_upload_however_often_it_comes() {
    let shelf = Shelf::new();
    let asked = |size| CreateUploadRequest { size, idempotency_key: "k".into(), ..CreateUploadRequest::default() };
    let one = shelf.files.create_upload(&by(ALICE), asked(5)).await.unwrap();
    assert_eq!(shelf.files.create_upload(&by(ALICE), asked(5)).await.unwrap(), one);
    let other = shelf.files.create_upload(&by(ALICE), asked(6)).await.unwrap_err();
    assert_eq!(other.code, Code::IdempotencyConflict);
}

#[tokio::test]
async fn a_sender_claims_what_is_theirs_and_complete() {
    let shelf = Shelf::new();
    let (mine, bobs) = (shelf.put(ALICE, "a", b"1").await.unwrap(), shelf.put(BOB, "b", b"2").await.unwrap());
    let open = shelf.begin(ALICE, "c", 5).await.unwrap();
    shelf.clock.advance(DAY - 1);
    let request = ClaimFilesRequest {
        user_id: ALICE.to_vec(),
        file_ids: vec![mine.file_id.clone(), bobs.file_id.clone(), open.upload_id],
    };
    assert_eq!(shelf.files.claim_files(&by(ALICE), request.clone()).await.unwrap_err().code, Code::Forbidden);
    let claimed = shelf.files.claim_files(&Context::service(), request).await.unwrap().items;
    assert_eq!(claimed, std::slice::from_ref(&mine));
    shelf.clock.advance(DAY - 1);
    shelf.sweep().await;
    assert!(shelf.known(&mine).await.is_some() && shelf.known(&bobs).await.is_none());
}

#[tokio::test]
async fn pictures_get_thumbnails_and_faces() {
    let shelf = Shelf::new();
    let picture = shelf.put(ALICE, "p.html", &png(640, 320)).await.unwrap();
    assert_eq!((picture.media_type.as_str(), picture.kind()), ("image/png", FileKind::Image));
    assert_eq!((picture.width, picture.height, picture.has_thumbnail), (640, 320, false));
    assert_eq!(shelf.read(&picture, FileVariant::Thumbnail).await.unwrap_err().code, Code::Unavailable, "not yet");
    shelf.make_thumbnails().await;
    assert!(shelf.known(&picture).await.unwrap().has_thumbnail);
    let thumbnail = shelf.read(&picture, FileVariant::Thumbnail).await.unwrap();
    let seen = image::load_from_memory(&thumbnail).unwrap();
    assert_eq!((seen.width(), seen.height()), (320, 160));
    assert!(shelf.put(BOB, "again", &png(640, 320)).await.unwrap().has_thumbnail, "it is there already");

    let face = shelf.files.make_avatar(&by(ALICE), MakeAvatarRequest { file_id: picture.file_id }).await.unwrap();
    assert_eq!((face.purpose(), face.width, face.height), (FilePurpose::Avatar, 256, 256));
    let small = shelf.read(&face, FileVariant::Small).await.unwrap();
    assert!(small.len() <= 6 << 10 && image::load_from_memory(&small).unwrap().width() <= 96);
    shelf.clock.advance(30 * DAY);
    shelf.sweep().await;
    assert!(shelf.known(&face).await.is_some(), "a face stays");
    shelf.read(&face, FileVariant::Original).await.unwrap();

    let text = shelf.put(ALICE, "t.png", b"no picture").await.unwrap();
    let refused = shelf.files.make_avatar(&by(ALICE), MakeAvatarRequest { file_id: text.file_id.clone() }).await;
    assert_eq!(refused.unwrap_err().code, Code::Unsupported);
    assert_eq!(shelf.read(&text, FileVariant::Thumbnail).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_word_for_a_download_says_who_and_what_for_a_while() {
    let shelf = Shelf::new();
    let file_id = vec![5; 16];
    let request = MintDownloadRequest { file_id: file_id.clone(), variant: FileVariant::Thumbnail.into() };
    let minted = shelf.files.mint_download(&by(ALICE), request).await.unwrap();
    let redeem = |token: String| async {
        shelf.files.redeem_download(&Context::new(Actor::Anonymous, "t"), RedeemDownloadRequest { token }).await
    };
    let redeemed = redeem(minted.token.clone()).await.unwrap();
    assert_eq!((redeemed.user_id, redeemed.session_id), (ALICE.to_vec(), SESSION.to_vec()));
    assert_eq!((redeemed.file_id, redeemed.variant), (file_id, FileVariant::Thumbnail as i32));
    for place in [0, 20, 40, 60, 100, minted.token.len() - 2] {
        let mut forged = minted.token.clone().into_bytes();
        forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
        let refused = redeem(String::from_utf8(forged).unwrap()).await.unwrap_err();
        assert_eq!(refused.code, Code::NotFound, "place {place}");
    }
    for foreign in ["", "x", &minted.token[2..]] {
        assert_eq!(redeem(foreign.to_owned()).await.unwrap_err().code, Code::NotFound);
    }
    shelf.clock.advance(300_000);
    assert_eq!(redeem(minted.token).await.unwrap_err().code, Code::Gone);
}

/// What is done to one part.
#[derive(Clone, Debug)]
struct Sent {
    part: usize,
    cuts: Vec<usize>,
    wrong_first: bool,
}

fn sent(parts: usize) -> impl Strategy<Value = Vec<Sent>> {
    let one = move |part| {
        (vec(0usize..10, 0..3), any::<bool>())
            .prop_map(move |(cuts, wrong_first)| Sent { part, cuts, wrong_first })
            .boxed()
    };
    let all: Vec<_> = (0..parts).map(one).collect();
    all.prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_order_and_the_pieces_the_file_is_what_was_sent(
        data in vec(any::<u8>(), 41..50),
        sent in sent(5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shelf = Shelf::new();
            let upload = shelf.begin(ALICE, "a", data.len() as i64).await.unwrap();
            for Sent { part, mut cuts, wrong_first } in sent {
                let bytes = &data[part * 10..data.len().min(part * 10 + 10)];
                if wrong_first {
                    let noise = vec![0; bytes.len()];
                    shelf.write(ALICE, &upload, part as u32 + 1, &noise).await.unwrap();
                }
                cuts.retain(|cut| *cut > 0 && *cut < bytes.len());
                cuts.extend([0, bytes.len()]);
                cuts.sort_unstable();
                cuts.dedup();
                for pair in cuts.windows(2) {
                    let (piece, last) = (&bytes[pair[0]..pair[1]], pair[1] == bytes.len());
                    shelf.piece(ALICE, &upload, part as u32 + 1, pair[0] as i64, piece, last).await.unwrap();
                }
            }
            let file = shelf.complete(ALICE, &upload).await.unwrap();
            assert_eq!(shelf.read(&file, FileVariant::Original).await.unwrap(), data);
            assert_eq!(file.crc32, crc32fast::hash(&data));
        });
    }
}
