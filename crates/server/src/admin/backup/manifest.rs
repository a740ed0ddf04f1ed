//! What a backup says about itself: `manifest.json`, which carries its own checksum.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file's name.
pub const MANIFEST: &str = "manifest.json";
/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;
/// The largest file that is read as one.
const MOST: u64 = 1 << 20;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file.
    pub format: u32,
    /// The program that made it.
    pub version: String,
    /// When it was begun: what was acknowledged before is in it.
    pub at: i64,
    /// The same for people.
    pub time: String,
    /// The journal's last position in it, where the schema is known.
    pub position: Option<i64>,
    /// The store's name.
    pub epoch: String,
    /// Up to which step each service's schema was applied.
    pub schema: BTreeMap<String, i64>,
    /// Every file but this one.
    pub files: Vec<NamedFile>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
struct Sealed {
    manifest: Manifest,
    sha256: String,
}

impl Manifest {
    /// What goes into the file.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(&Sealed { manifest: self.clone(), sha256: self.sum()? })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The manifest of the backup in `dir`.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(MANIFEST);
        let unreadable = || format!("{} is no backup: cannot read its {MANIFEST}", dir.display());
        ensure!(fs::metadata(&path).with_context(unreadable)?.len() <= MOST, "the manifest is too large");
        Self::parse(&fs::read(&path).with_context(unreadable)?)
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let Sealed { manifest, sha256 } = serde_json::from_slice(bytes).context("the manifest is damaged")?;
        ensure!(manifest.sum()? == sha256, "the manifest is damaged: its checksum is wrong");
        ensure!(manifest.format == FORMAT, "a backup of another format ({})", manifest.format);
        let plain = |name: &str| !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        ensure!(manifest.files.iter().all(|file| plain(&file.name)), "the manifest names files elsewhere");
        Ok(manifest)
    }

    /// All files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn sum(&self) -> anyhow::Result<String> {
        Ok(Sha256::digest(serde_json::to_vec(self)?).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            version: "0.1.0".into(),
            at: 5,
            time: "then".into(),
            position: Some(7),
            epoch: "ab".into(),
            schema: BTreeMap::from([("auth".into(), 2)]),
            files: vec![NamedFile { name: "anser.db".into(), bytes: 3, sha256: "cd".into() }],
        }
    }

    #[test]
    fn it_comes_back_and_any_other_byte_is_noticed() {
        let bytes = manifest().to_bytes().unwrap();
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest());
        let whole = String::from_utf8(bytes.clone()).unwrap();
        for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
            let mut other = bytes.clone();
            other[at] = byte ^ 1;
            assert!(Manifest::parse(&other).is_err(), "{} at {at} of {whole}", char::from(*byte));
        }
    }

    #[test]
    fn it_names_files_of_its_own_folder_only() {
        for name in ["../secrets", "/etc/passwd", "", ".."] {
            let mut bad = manifest();
            bad.files[0].name = name.into();
            assert!(Manifest::parse(&bad.to_bytes().unwrap()).is_err(), "{name}");
        }
    }
}
