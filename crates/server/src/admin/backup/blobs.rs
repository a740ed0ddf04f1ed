//! The content of files in a backup: copied one by one under the names that they have, which are made of their hashes.
//! Whether all are there is for the store beside them to say ([`anser_file::FileKeeper`]).

use std::{
    fs::{self, DirBuilder, DirEntry},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use anyhow::Context;

use super::{copy_file, sync};
use crate::admin::say::Say;

/// After so many files it is told how far it is.
const TELL_EVERY: u64 = 100;

/// Copies what is in `from` and not in `to` yet; when it comes back, it is on the disk. What is just going is left out.
/// Without a single file there, `to` is not made.
pub fn copy(from: &Path, to: &Path, say: &Say) -> anyhow::Result<()> {
    let mut copied = 0;
    for folder in entries(from)? {
        if !folder.file_type()?.is_dir() {
            continue;
        }
        let target = to.join(folder.file_name());
        let before = copied;
        for file in entries(&folder.path())? {
            if copy_one(&file, &target).with_context(|| format!("cannot copy {}", file.path().display()))? {
                copied += 1;
                if copied % TELL_EVERY == 0 {
                    say.progress(&format!("{copied} files"));
                }
            }
        }
        if copied > before {
            sync(&target)?;
        }
    }
    if copied > 0 {
        sync(to)?;
    }
    Ok(())
}

/// Copies a file unless it is there already; answers whether it did.
fn copy_one(file: &DirEntry, folder: &Path) -> io::Result<bool> {
    let target = folder.join(file.file_name());
    let size = match file.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found?.len(),
    };
    match fs::metadata(&target) {
        Ok(there) if there.len() == size => return Ok(false),
        // It was still being written when it was copied.
        Ok(_) => fs::remove_file(&target)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        Err(error) => return Err(error),
    }
    match copy_file(&file.path(), &target) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        outcome => outcome.map(|_| true),
    }
}

/// What is in a folder; nothing where there is none.
fn entries(dir: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        found => found?.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Say {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            about: crate::admin::cli::About,
        }
        Say::new(&Line::parse_from(["anser", "--json"]).about)
    }

    #[test]
    fn what_came_since_is_copied_and_what_is_there_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to, say) = (dir.path().join("from"), dir.path().join("to"), quiet());
        copy(&from, &to, &say).unwrap();
        assert!(!to.exists());
        fs::create_dir_all(from.join("ab")).unwrap();
        copy(&from, &to, &say).unwrap();
        assert!(!to.exists());
        fs::write(from.join("ab/one"), "one").unwrap();
        copy(&from, &to, &say).unwrap();
        fs::write(to.join("ab/one"), "ONE").unwrap();
        fs::write(from.join("ab/two"), "two").unwrap();
        copy(&from, &to, &say).unwrap();
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        assert_eq!((read("ab/one"), read("ab/two")), ("ONE".into(), "two".into()));
        fs::write(to.join("ab/two"), "t").unwrap();
        copy(&from, &to, &say).unwrap();
        assert_eq!(read("ab/two"), "two", "half of it is not it");
    }
}
