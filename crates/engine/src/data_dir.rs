//! The data directory: made for its owner alone.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anser_types::{Error, Result};

use crate::failure::sync_dir;

/// Makes the directory (0700, and durably so) unless it is there; answers its absolute path.
pub fn open(path: &Path) -> Result<PathBuf> {
    make(path).map_err(|error| Error::unavailable(format!("cannot use {} for data: {error}", path.display())))
}

fn make(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return path.canonicalize(),
        Ok(_) => return Err(io::Error::other("it is not a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let path = path.canonicalize()?;
    sync_dir(&path)?;
    path.parent().map_or(Ok(()), sync_dir)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_directory_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = open(&dir.path().join("a/b")).expect("is made");
        assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o700);
        open(&path).expect("is found");
        fs::write(path.join("file"), b"").expect("a file");
        assert!(open(&path.join("file")).is_err());
    }
}
