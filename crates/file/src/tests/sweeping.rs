//! What goes by itself, and what a crash left behind.

use anser_contract::v1::ErasePersonRequest;

use super::*;
use crate::sweep;

#[tokio::test]
async fn what_no_message_names_goes_after_a_day_and_what_one_names_stays() {
    let shelf = Shelf::new();
    let (kept, left) = (shelf.put(ALICE, "a", b"kept").await.unwrap(), shelf.put(ALICE, "b", b"left").await.unwrap());
    let open = shelf.begin(ALICE, "c", 5).await.unwrap();
    shelf.write(ALICE, &open, 1, b"01234").await.unwrap();
    shelf.hold(&kept, false).await;
    shelf.clock.advance(DAY - 1);
    shelf.sweep().await;
    assert!(shelf.known(&left).await.is_some());
    shelf.clock.advance(1);
    shelf.sweep().await;
    assert!(shelf.known(&left).await.is_none() && shelf.known(&kept).await.is_some());
    assert!(shelf.state(ALICE, &open).await.is_err());
    assert_eq!((shelf.lies_in("uploads").len(), shelf.lies_in("blobs").len()), (0, 1));

    // The message was recalled.
    shelf.hold(&kept, true).await;
    shelf.clock.advance(DAY);
    shelf.sweep().await;
    assert!(shelf.known(&kept).await.is_none());
    assert!(shelf.lies_in("blobs").is_empty());
    let usage = shelf.files.get_usage(&by(ALICE), Default::default()).await.unwrap();
    assert_eq!((usage.bytes_used, usage.files), (0, 0));
}

#[tokio::test]
async fn bytes_without_a_row_are_found_wherever_a_crash_left_them() {
    let shelf = Shelf::new();
    let file = shelf.put(ALICE, "a", b"stays").await.unwrap();
    let hash = "ab".repeat(32);
    let stray = shelf.folder.path().join("blobs").join(&hash[..2]);
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join(&hash[2..]), b"a blob whose row never came").unwrap();
    std::fs::write(stray.join(format!("{}.thumbnail", &hash[2..])), b"and what was made of it").unwrap();
    let upload = anser_types::UploadId::new(&shelf.clock).to_string();
    std::fs::write(shelf.folder.path().join("uploads").join(upload), b"an upload that was given up").unwrap();
    std::fs::write(shelf.folder.path().join("uploads/made-7"), b"half a thumbnail").unwrap();

    let shelf = shelf.reopened();
    shelf.sweep().await;
    assert!(shelf.lies_in("uploads").is_empty());
    for prefix in 0..=255 {
        sweep::sweep_prefix(&shelf.files.room, &format!("{prefix:02x}")).await.unwrap();
    }
    assert_eq!(shelf.lies_in("blobs").len(), 1);
    assert_eq!(shelf.read(&file, FileVariant::Original).await.unwrap(), b"stays");
}

#[tokio::test]
async fn a_blob_that_a_crash_left_does_no_harm_to_the_next_of_its_kind() {
    let shelf = Shelf::new();
    let file = shelf.put(ALICE, "a", b"content").await.unwrap();
    let path = shelf.lies_in("blobs").remove(0);
    shelf.clock.advance(2 * DAY);
    shelf.sweep().await;
    assert!(shelf.known(&file).await.is_none());
    // As if a first upload of it had got no further, and then had been written over.
    std::fs::write(&path, b"garbage").unwrap();
    let again = shelf.put(BOB, "b", b"content").await.unwrap();
    assert_eq!(shelf.read(&again, FileVariant::Original).await.unwrap(), b"content");
}

#[tokio::test]
async fn closing_an_account_takes_what_is_in_no_message() {
    let shelf = Shelf::new();
    let (named, own) = (shelf.put(ALICE, "a", b"named").await.unwrap(), shelf.put(ALICE, "b", b"own").await.unwrap());
    let bobs = shelf.put(BOB, "b", b"own").await.unwrap();
    shelf.hold(&named, false).await;
    let open = shelf.begin(ALICE, "c", 5).await.unwrap();
    let request = ErasePersonRequest { user_id: ALICE.to_vec() };
    assert!(shelf.files.erase_files(&by(ALICE), request.clone()).await.is_err(), "for services only");
    while shelf.files.erase_files(&Context::service(), request.clone()).await.unwrap().more {}
    assert!(shelf.known(&named).await.is_some(), "others may read it");
    assert!(shelf.known(&own).await.is_none() && shelf.state(ALICE, &open).await.is_err());
    assert_eq!(shelf.read(&bobs, FileVariant::Original).await.unwrap(), b"own");
}
