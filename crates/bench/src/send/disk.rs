//! What the disk itself takes: the yardstick for an acknowledgement.

use std::{fs::OpenOptions, io::Write, path::Path};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::measure::histogram;

const WRITES: usize = 500;

/// How long one page of 4 KiB and an fdatasync take, in the server's own directory while it idles.
pub fn bare_fsyncs(dir: &Path) -> anyhow::Result<Histogram<u32>> {
    let path = dir.join("fsync.tmp");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut durations = histogram();
    for _ in 0..WRITES {
        let started = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        durations.saturating_record(started.elapsed().as_micros().max(1) as u64);
    }
    std::fs::remove_file(path)?;
    Ok(durations)
}
