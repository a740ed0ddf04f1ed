//! The operator's hand in this room: whether every file's bytes are there, and what a store that was put back begins with.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use anser_contract::v1::FileVariant;
use anser_engine::Db;
use anser_types::Result;
use sha2::{Digest, Sha256};

use crate::{blobs, blocking, store};

/// Rows that are compared at a time.
const STEP: i64 = 500;
/// Findings that are told; whoever has more has lost a folder.
const TOLD: usize = 20;

/// What a check of files saw.
#[derive(Debug, Default)]
pub struct CheckedFiles {
    /// Contents that were read.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, in words; the first of it where there is much.
    pub findings: Vec<String>,
}

/// The keeper of the files of one store.
pub struct FileKeeper(Db);

impl FileKeeper {
    /// The keeper of the files that `db` knows.
    pub fn new(db: &Db) -> Self {
        Self(db.scoped("file"))
    }

    /// Reads every content that a file names from `dir`, a local blob store, and compares it with its hash.
    pub async fn verify(&self, dir: &Path) -> Result<CheckedFiles> {
        let mut checked = CheckedFiles::default();
        let mut after = Vec::new();
        loop {
            let from = after.clone();
            let rows = self.0.read(move |reader| store::contents_after(reader, &from, STEP)).await?;
            let Some(last) = rows.last() else { return Ok(checked) };
            after.clone_from(&last.sha256);
            let dir = dir.to_owned();
            checked = blocking(move || {
                rows.iter().for_each(|row| compare(&dir, row, &mut checked));
                Ok(checked)
            })
            .await?;
        }
    }

    /// Ends every upload that is still coming: where a store was put back, its bytes are not there.
    pub async fn end_uploads(&self) -> Result<()> {
        self.0.write(store::delete_uploads).await
    }
}

/// A content as its row describes it.
pub(crate) struct Content {
    pub(crate) sha256: Vec<u8>,
    pub(crate) size: i64,
    /// How large its variants are; 0: there is none.
    pub(crate) thumbnail_bytes: i64,
    pub(crate) small_bytes: i64,
}

fn compare(dir: &Path, row: &Content, checked: &mut CheckedFiles) {
    let path = |variant: FileVariant| dir.join(blobs::key(&row.sha256, variant));
    let mut find = |what: String| {
        if checked.findings.len() < TOLD {
            checked.findings.push(what);
        }
    };
    let original = path(FileVariant::Original);
    match hash(&original) {
        Ok((size, sha256)) if size as i64 == row.size && sha256 == row.sha256 => {}
        Ok(_) => find(format!("{} is damaged", original.display())),
        Err(error) => find(format!("{} cannot be read: {error}", original.display())),
    }
    for (variant, bytes) in [(FileVariant::Thumbnail, row.thumbnail_bytes), (FileVariant::Small, row.small_bytes)] {
        if bytes > 0 && size(&path(variant)) != Some(bytes) {
            find(format!("{} is not as it was made", path(variant).display()));
        }
    }
    checked.contents += 1;
    checked.bytes += row.size.max(0) as u64;
}

fn size(path: &Path) -> Option<i64> {
    std::fs::metadata(path).ok().map(|found| found.len() as i64)
}

fn hash(path: &PathBuf) -> io::Result<(u64, Vec<u8>)> {
    let mut file = File::open(path)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut part = vec![0; 1 << 20];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok((size, hash.finalize().to_vec())),
            Ok(read) => {
                hash.update(&part[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
