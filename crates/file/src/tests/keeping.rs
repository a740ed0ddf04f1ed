//! What the operator is told about the bytes of files.

use std::fs;

use anser_contract::v1::GetUploadRequest;

use super::*;
use crate::{FileKeeper, blobs};

#[tokio::test]
async fn every_content_that_a_file_names_is_read_and_compared() {
    let shelf = Shelf::new();
    let (one, other) =
        (shelf.put(ALICE, "one", b"hello").await.unwrap(), shelf.put(BOB, "two", b"world!").await.unwrap());
    let (keeper, dir) = (FileKeeper::new(&shelf.db), shelf.folder.path().join("blobs"));
    let checked = keeper.verify(&dir).await.unwrap();
    assert_eq!((checked.contents, checked.bytes, checked.findings.len()), (2, 11, 0), "{checked:?}");

    let path = |file: &File| dir.join(blobs::key(&blobs::unhex(&file.sha256).unwrap(), FileVariant::Original));
    fs::write(path(&one), b"hullo").unwrap();
    fs::remove_file(path(&other)).unwrap();
    let mut findings = keeper.verify(&dir).await.unwrap().findings;
    findings.sort_by_key(|finding| finding.contains("cannot be read"));
    assert!(findings[0].contains("is damaged") && findings[1].contains("cannot be read"), "{findings:?}");
    assert_eq!(findings.len(), 2);
}

#[tokio::test]
async fn a_store_that_was_put_back_waits_for_no_uploads() {
    let shelf = Shelf::new();
    let upload = shelf.begin(ALICE, "half", 20).await.unwrap();
    shelf.write(ALICE, &upload, 1, b"0123456789").await.unwrap();
    FileKeeper::new(&shelf.db).end_uploads().await.unwrap();
    let asked = GetUploadRequest { upload_id: upload.upload_id.clone() };
    assert!(shelf.files.get_upload(&by(ALICE), asked).await.is_err());
    shelf.sweep().await;
    assert!(shelf.lies_in("uploads").is_empty());
}
