//! The secrets of this installation: made at random at the first start, kept in a file that only the owner may read.
//!
//! The file has one line a secret: its name and 64 hexadecimal digits. There are no default secrets.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anser_types::{Error, Result};

use crate::failure::sync_dir;

/// The file of secrets.
pub struct Secrets {
    path: PathBuf,
    known: BTreeMap<String, [u8; 32]>,
}

impl Secrets {
    /// Reads the secrets in `path`; none if there is no such file yet. A file that others may read is refused.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let known = match read(&path) {
            Ok(known) => known,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(cannot("read", &path, &error)),
        };
        Ok(Self { path, known })
    }

    /// The secret called `name`. Made and on stable storage before the first answer.
    pub fn load_or_create(&mut self, name: &str) -> Result<[u8; 32]> {
        if let Some(secret) = self.known.get(name) {
            return Ok(*secret);
        }
        let secret: [u8; 32] = rand::random();
        self.known.insert(name.to_owned(), secret);
        write(&self.path, &self.known).map_err(|error| cannot("write", &self.path, &error))?;
        Ok(secret)
    }

    /// The secret called `name`, if there is one. For a process that shares a file which another one makes.
    pub fn get(&self, name: &str) -> Option<[u8; 32]> {
        self.known.get(name).copied()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("path", &self.path).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> io::Result<BTreeMap<String, [u8; 32]>> {
    let found = fs::metadata(path)?;
    if found.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it; make it 0600 and, if they may have read it, remove it"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() && rustix::process::geteuid().as_raw() != 0 {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    let mut known = BTreeMap::new();
    for line in fs::read_to_string(path)?.lines().filter(|line| !line.is_empty()) {
        let (name, digits) = line.split_once(' ').ok_or_else(malformed)?;
        known.insert(name.to_owned(), parse(digits).ok_or_else(malformed)?);
    }
    Ok(known)
}

/// Puts a whole new file in the place of the old one, so that a crash leaves one or the other.
fn write(path: &Path, known: &BTreeMap<String, [u8; 32]>) -> io::Result<()> {
    let mut text = String::new();
    for (name, secret) in known {
        let _never_fails = writeln!(text, "{name} {}", hex(secret));
    }
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn hex(secret: &[u8; 32]) -> String {
    secret.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

fn parse(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut secret = [0; 32];
    for (index, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(secret)
}

fn malformed() -> io::Error {
    io::Error::other("a line is not a name and 64 hexadecimal digits")
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::internal(format!("cannot {what} the secrets in {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_the_same_and_differ_from_each_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secrets");
        let mut secrets = Secrets::open(&path).expect("none yet");
        let token = secrets.load_or_create("token").expect("is made");
        let peers = secrets.load_or_create("peers").expect("is made");
        assert_ne!(token, peers);
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        let mut again = Secrets::open(&path).expect("both");
        assert_eq!(again.load_or_create("token").expect("is there"), token);
        assert_eq!(again.get("peers"), Some(peers));
        assert!(!format!("{again:?}").contains(&hex(&token)));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secrets");
        Secrets::open(&path).and_then(|mut secrets| secrets.load_or_create("token")).expect("is made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("is opened up");
        let refused = Secrets::open(&path).expect_err("is refused");
        assert!(refused.detail.contains("0600"), "{refused}");
    }
}
