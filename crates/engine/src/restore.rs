//! Putting a whole new store into a data directory, in the place of what is there, crash-safe.
//!
//! What is to come is made ready under another name, checked, and on the disk; renaming its folder to [`READY`] decides.
//! From then on every opening of the store first finishes: the old files go into a folder of their own, the new ones
//! into their places, the store's file last. A crash in between is finished by the next opening; one before the decision
//! leaves the old store as it was. Files move within the directory only, so it may be a mount point.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use anser_types::{Error, Result, Timestamp};

use crate::{
    failure::{NOTES, sync_dir},
    sqlite::{FILE, WAL, WAL_INDEX},
};

/// What is to come, complete.
const READY: &str = "restore.ready";
/// What was there, while it gives way.
const OLD: &str = "restore.old";

/// The store's file, as it is called in each data directory.
pub const STORE_FILE: &str = FILE;

/// Whether there is a store in `dir`.
pub fn is_occupied(dir: &Path) -> bool {
    dir.join(FILE).exists() || dir.join(READY).exists()
}

/// Decides: everything in `staged`, a folder in `dir` that is on the disk, is the store from now on. What else stands in
/// `dir` stays. The caller holds the directory's lock. Answers where what was there is now, if anything was.
pub fn put_in_place(dir: &Path, staged: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let decided = sync_dir(staged).and_then(|()| fs::rename(staged, dir.join(READY))).and_then(|()| sync_dir(dir));
    decided.map_err(|error| cannot(dir, &error))?;
    finish_at(dir, now)
}

/// Finishes what was decided, if anything was. Every opening of the store does; the caller holds the directory's lock.
pub fn finish(dir: &Path) -> Result<()> {
    if dir.join(READY).exists() || dir.join(OLD).exists() {
        tracing::warn!(dir = %dir.display(), "a restore was interrupted: finishing it");
        finish_at(dir, 0)?;
    }
    Ok(())
}

fn finish_at(dir: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    move_all(dir, now).map_err(|error| cannot(dir, &error))
}

fn move_all(dir: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let (ready, old) = (dir.join(READY), dir.join(OLD));
    if ready.exists() {
        match fs::create_dir(&old) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // While the new store's file is not in its place, the log beside it belongs to the old one.
        if ready.join(FILE).exists() {
            for name in [WAL, WAL_INDEX, NOTES] {
                move_if_there(&dir.join(name), &old.join(name))?;
            }
        }
        let mut names: Vec<_> = fs::read_dir(&ready)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort_unstable_by_key(|name| name == FILE);
        for name in names {
            move_if_there(&dir.join(&name), &old.join(&name))?;
            // Nothing of the new store may stand beside something of the old one after a power cut.
            sync_dir(dir)?;
            fs::rename(ready.join(&name), dir.join(&name))?;
        }
        sync_dir(dir)?;
        fs::remove_dir(&ready)?;
    }
    // Empty where there was nothing before.
    let kept = match fs::remove_dir(&old) {
        Ok(()) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => {
            let kept = free_name(dir, now);
            fs::rename(&old, &kept)?;
            Some(kept)
        }
    };
    sync_dir(dir)?;
    Ok(kept)
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn free_name(dir: &Path, now: Timestamp) -> PathBuf {
    let name = |number: i64| dir.join(format!("replaced-{number}"));
    let mut number = now;
    while name(number).exists() {
        number += 1;
    }
    name(number)
}

fn cannot(dir: &Path, error: &io::Error) -> Error {
    Error::unavailable(format!("cannot put the restored store into {}: {error}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, names: &[&str], content: &str) {
        fs::create_dir_all(dir).expect("a folder");
        for name in names {
            fs::write(dir.join(name), content).expect("a file");
        }
    }

    fn contents(dir: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(dir)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .map(|path| {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                (name, fs::read_to_string(&path).expect("text"))
            })
            .collect();
        found.sort();
        found
    }

    fn pair(name: &str, content: &str) -> (String, String) {
        (name.into(), content.into())
    }

    #[test]
    fn the_new_takes_the_place_of_the_old_and_the_old_is_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        write(dir.path(), &[FILE, WAL, WAL_INDEX, "secrets"], "old");
        let staged = dir.path().join("staged");
        write(&staged, &[FILE, "secrets"], "new");
        let kept = put_in_place(dir.path(), &staged, 7).expect("is put in place").expect("there was something");
        assert_eq!(contents(dir.path()), [pair(FILE, "new"), pair("secrets", "new")]);
        let old = [pair(FILE, "old"), pair(WAL_INDEX, "old"), pair(WAL, "old"), pair("secrets", "old")];
        assert_eq!(contents(&kept), old);
        assert!(!dir.path().join(READY).exists() && !dir.path().join(OLD).exists());
    }

    #[test]
    fn an_empty_directory_keeps_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let staged = dir.path().join("staged");
        write(&staged, &[FILE, "secrets"], "new");
        assert_eq!(put_in_place(dir.path(), &staged, 7), Ok(None));
        assert_eq!(contents(dir.path()), [pair(FILE, "new"), pair("secrets", "new")]);
    }

    /// Every point at which it may stop: after the decision, after each file.
    #[test]
    fn the_next_opening_finishes_what_a_crash_left() {
        let moves: [(&str, &str); 7] = [
            (WAL, "restore.old/anser.db-wal"),
            (WAL_INDEX, "restore.old/anser.db-shm"),
            ("secrets", "restore.old/secrets"),
            ("restore.ready/secrets", "secrets"),
            (FILE, "restore.old/anser.db"),
            ("restore.ready/anser.db", FILE),
            ("", ""),
        ];
        for done in 0..=moves.len() {
            let dir = tempfile::tempdir().expect("a folder");
            write(dir.path(), &[FILE, WAL, WAL_INDEX, "secrets"], "old");
            write(&dir.path().join(READY), &[FILE, "secrets"], "new");
            fs::create_dir(dir.path().join(OLD)).expect("a folder");
            for (from, to) in moves.iter().take(done).filter(|(from, _)| !from.is_empty()) {
                fs::rename(dir.path().join(from), dir.path().join(to)).expect("is moved");
            }
            if done == moves.len() {
                fs::remove_dir(dir.path().join(READY)).expect("is empty");
            }
            finish(dir.path()).expect("is finished");
            assert_eq!(contents(dir.path()), [pair(FILE, "new"), pair("secrets", "new")], "after {done}");
            let kept = fs::read_dir(dir.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
            let kept = kept.filter(|path| path.is_dir()).collect::<Vec<_>>();
            assert_eq!(kept.len(), 1, "after {done}");
            assert_eq!(contents(&kept[0]).len(), 4, "after {done}");
        }
    }
}
