//! What the promises rest on, looked at before the store is opened: the file system, the disk, the chosen durability.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    time::Duration,
};

use anser_types::{Error, Result};
use tokio::time::Instant;

use crate::Durability;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The server must not start, unless the owner says that it may all the same.
    Refuse,
    /// The server starts, with a banner, and readiness says so.
    Degraded,
}

/// Something that weakens a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What was found and what it means, for the owner.
    pub text: String,
}

/// Looks at the data directory, which must exist, and at the durability that was asked for.
pub fn selfcheck(dir: &Path, durability: Durability) -> Result<Vec<Finding>> {
    let disk = rustix::fs::statfs(dir)
        .map_err(|error| Error::unavailable(format!("cannot look at {}: {error}", dir.display())))?;
    // Some platforms have a signed type here; the numbers themselves are 32 bits.
    let findings = [file_system(disk.f_type as u32), medium(dir)?, profile(durability)];
    Ok(findings.into_iter().flatten().collect())
}

/// No medium that keeps data without power answers faster.
const TOO_FAST: Duration = Duration::from_micros(15);
const SYNCS: usize = 7;

fn file_system(magic: u32) -> Option<Finding> {
    let network = |name: &str| Finding {
        level: Level::Refuse,
        text: format!("the data directory is on {name}: locks and fsync over a network do not keep what they promise"),
    };
    let volatile = |name: &str| {
        degraded(format!(
            "the data directory is on {name}: what is acknowledged goes with it (a container without a volume?)"
        ))
    };
    // From linux/magic.h and the file systems' own headers.
    match magic {
        0x6969 => Some(network("NFS")),
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => Some(network("SMB")),
        0x6573_5546 => Some(network("FUSE")),
        0x0102_1997 => Some(network("9P")),
        0x5346_414F => Some(network("AFS")),
        0x00C3_6400 => Some(network("Ceph")),
        0x0BD0_0BD0 => Some(network("Lustre")),
        0x0102_1994 => Some(volatile("tmpfs")),
        0x8584_58F6 => Some(volatile("ramfs")),
        0x794C_7630 => Some(volatile("overlayfs")),
        _ => None,
    }
}

fn medium(dir: &Path) -> Result<Option<Finding>> {
    // Named by the process: another one may be looking at the same time, before the lock tells them apart.
    let path = dir.join(format!("selfcheck-{}.tmp", std::process::id()));
    let sync = typical_sync(&path);
    let _not_made = fs::remove_file(&path);
    match sync {
        Ok(sync) if sync < TOO_FAST => {
            Ok(Some(degraded(format!("an fsync takes {sync:?}: the disk does not wait for its medium"))))
        }
        Ok(_) => Ok(None),
        // What is stored can still be read.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            Ok(Some(degraded("the disk is full: nothing can be stored".to_owned())))
        }
        Err(error) => Err(Error::unavailable(format!("cannot write and sync in {}: {error}", dir.display()))),
    }
}

fn profile(durability: Durability) -> Option<Finding> {
    match durability {
        Durability::Full => None,
        Durability::Normal => Some(degraded(
            "Embedded-fast: an acknowledged message survives a crash of the process, not one of the machine".to_owned(),
        )),
        Durability::Off => Some(degraded("durability is off: for proofs only".to_owned())),
    }
}

fn degraded(text: String) -> Finding {
    Finding { level: Level::Degraded, text }
}

/// The median of a few small syncs.
fn typical_sync(path: &Path) -> io::Result<Duration> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    file.write_all(&[0; 4_096])?;
    file.sync_all()?;
    let mut took = [Duration::ZERO; SYNCS];
    for (round, took) in took.iter_mut().enumerate() {
        file.write_all_at(&[round as u8; 512], 0)?;
        let began = Instant::now();
        file.sync_data()?;
        *took = began.elapsed();
    }
    took.sort_unstable();
    Ok(took[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_refused_and_memory_is_told() {
        assert_eq!(file_system(0x6969).map(|found| found.level), Some(Level::Refuse));
        assert_eq!(file_system(0xFE53_4D42).map(|found| found.level), Some(Level::Refuse));
        assert_eq!(file_system(0x0102_1994).map(|found| found.level), Some(Level::Degraded));
        assert_eq!(file_system(0xEF53), None, "ext4");
        assert_eq!(file_system(0x5846_5342), None, "xfs");
        assert_eq!(file_system(0x9123_683E), None, "btrfs");
    }

    #[test]
    fn memory_is_found_out() {
        let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return };
        let findings = selfcheck(dir.path(), Durability::Normal).expect("looks");
        let texts: Vec<&str> = findings.iter().map(|found| found.text.as_str()).collect();
        assert_eq!(findings.len(), 3, "{texts:?}");
        assert!(findings.iter().all(|found| found.level == Level::Degraded), "{texts:?}");
        assert!(fs::read_dir(dir.path()).expect("the folder").next().is_none(), "nothing is left behind");
    }
}
