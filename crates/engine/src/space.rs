//! Free space: what grows is refused early, so that what must go on (logins, cursors, recalls) still can.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering},
};

use anser_types::Result;

use crate::sqlite::storage_full;

const MIB: u64 = 1 << 20;

/// Below how much free space what is refused.
#[derive(Clone, Copy, Debug)]
pub struct SpaceLimits {
    /// Below this many bytes nothing that grows is taken. `None`: max(256 MiB, min(5 % of the disk, 4 GiB)).
    pub growth_below: Option<u64>,
    /// Below this many bytes nothing is written at all.
    pub writes_below: u64,
}

impl Default for SpaceLimits {
    fn default() -> Self {
        Self { growth_below: None, writes_below: 64 * MIB }
    }
}

impl SpaceLimits {
    fn level(&self, free: u64, total: u64) -> u8 {
        let growth_below = self.growth_below.unwrap_or_else(|| (256 * MIB).max((total / 20).min(4_096 * MIB)));
        if free < self.writes_below {
            NOTHING
        } else if free < growth_below {
            NO_GROWTH
        } else {
            PLENTY
        }
    }
}

const PLENTY: u8 = 0;
const NO_GROWTH: u8 = 1;
const NOTHING: u8 = 2;

/// The free space under the store, as last measured.
pub(crate) struct Space {
    dir: PathBuf,
    limits: SpaceLimits,
    level: AtomicU8,
}

impl Space {
    pub(crate) fn new(dir: &Path, limits: SpaceLimits) -> Self {
        let space = Self { dir: dir.to_owned(), limits, level: AtomicU8::new(PLENTY) };
        space.measure();
        space
    }

    /// Looks at the disk. Called each second.
    pub(crate) fn measure(&self) {
        let disk = match rustix::fs::statvfs(&self.dir) {
            Ok(disk) => disk,
            Err(error) => return tracing::warn!(%error, "free space cannot be measured"),
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let level = self.limits.level(free, disk.f_blocks.saturating_mul(disk.f_frsize));
        metrics::gauge!("anser_store_free_bytes").set(free as f64);
        let before = self.level.swap(level, Ordering::Relaxed);
        match (before, level) {
            (PLENTY, NO_GROWTH | NOTHING) => tracing::error!(free_bytes = free, "the disk is nearly full"),
            (NO_GROWTH | NOTHING, PLENTY) => tracing::info!(free_bytes = free, "the disk has space again"),
            _ => {}
        }
    }

    /// The disk (or a quota that the measure does not see) said that it is full. Holds until the next measure.
    pub(crate) fn full(&self) {
        metrics::counter!("anser_store_full_total").increment(1);
        self.level.fetch_max(NO_GROWTH, Ordering::Relaxed);
    }

    pub(crate) fn growth(&self) -> Result<()> {
        if self.level.load(Ordering::Relaxed) == PLENTY { Ok(()) } else { Err(storage_full()) }
    }

    pub(crate) fn writes(&self) -> Result<()> {
        if self.level.load(Ordering::Relaxed) < NOTHING { Ok(()) } else { Err(storage_full()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_stops_first_and_everything_later() {
        let limits = SpaceLimits::default();
        let gib = 1_024 * MIB;
        assert_eq!(limits.level(5 * gib, 100 * gib), PLENTY);
        assert_eq!(limits.level(5 * gib - 1, 100 * gib), PLENTY, "never more than 4 GiB are kept back");
        assert_eq!(limits.level(4 * gib - 1, 100 * gib), NO_GROWTH);
        assert_eq!(limits.level(300 * MIB, 2 * gib), PLENTY);
        assert_eq!(limits.level(255 * MIB, 2 * gib), NO_GROWTH);
        assert_eq!(limits.level(64 * MIB, 2 * gib), NO_GROWTH);
        assert_eq!(limits.level(64 * MIB - 1, 2 * gib), NOTHING);
    }

    #[test]
    fn a_full_disk_stops_growth_until_space_is_measured_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let space = Space::new(dir.path(), SpaceLimits { growth_below: Some(0), writes_below: 0 });
        space.growth().expect("there is space");
        space.full();
        assert!(space.growth().expect_err("refused").retryable());
        space.writes().expect("what frees space goes on");
        space.measure();
        space.growth().expect("there is space again");
    }
}
