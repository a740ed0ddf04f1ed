//! Measures commits while checkpoints run: `cargo run --release -p anser-engine --example commits [SECONDS] [DIR]`.
//!
//! One closure of 512 rows of 256 bytes at a time, keys as random as message keys are not (the worst case), and a reader
//! that never rests.

use std::{fs, path::PathBuf, time::Duration};

use anser_engine::{Db, DbOptions, Migration};
use anser_types::{Clock, Result};
use tokio::time::Instant;

const ROWS: u64 = 512;
const BENCH: &[Migration] = &[Migration {
    service: "bench",
    number: 1,
    sql: "CREATE TABLE bench_row (position BIGINT NOT NULL PRIMARY KEY, body BLOB NOT NULL);
          CREATE TABLE bench_key (scattered BIGINT NOT NULL PRIMARY KEY, position BIGINT NOT NULL)",
}];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let dir = arguments.next().map_or_else(|| std::env::temp_dir().join("anser-commits"), PathBuf::from);
    let _none_before = fs::remove_dir_all(&dir);
    let db = Db::open(&DbOptions::new(&dir), BENCH, Clock::system())?;

    let until = Instant::now() + Duration::from_secs(seconds);
    let reading = tokio::spawn(read(db.clone(), until));
    let mut took = Vec::new();
    let mut largest_log = 0;
    let mut first = 0;
    while Instant::now() < until {
        let began = Instant::now();
        db.write(move |tx| {
            for row in first..first + ROWS {
                let scattered = (row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24) as i64;
                tx.exec("INSERT INTO bench_row VALUES (?, ?)", &[(row as i64).into(), (&[7_u8; 256][..]).into()])?;
                tx.exec("INSERT INTO bench_key VALUES (?, ?)", &[scattered.into(), (row as i64).into()])?;
            }
            Ok(())
        })
        .await?;
        took.push(began.elapsed());
        first += ROWS;
        largest_log = largest_log.max(fs::metadata(dir.join("anser.db-wal")).map_or(0, |log| log.len()));
    }
    let reads = reading.await.unwrap_or(Ok(0))?;

    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{} commits of {ROWS} rows, {} rows/s, {reads} reads; p50 {:?}, p90 {:?}, p99 {:?}, p99.9 {:?}, most {:?}; \
         largest log {} MiB",
        took.len(),
        took.len() as u64 * ROWS / seconds,
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0),
        largest_log >> 20,
    );
    db.close().await;
    Ok(())
}

async fn read(db: Db, until: Instant) -> Result<u64> {
    let mut reads = 0;
    while Instant::now() < until {
        db.read(|reader| {
            let last = reader.number("SELECT MAX(position) FROM bench_row", &[])?;
            reader.rows(
                "SELECT body FROM bench_row WHERE position > ? ORDER BY position LIMIT 50",
                &[(last - 50).into()],
                |row| row.blob(0),
            )
        })
        .await?;
        reads += 1;
    }
    Ok(reads)
}
