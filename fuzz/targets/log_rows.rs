//! Rows of the log as a damaged disk may give them: whatever stands there, reading answers something or fails in words.
#![no_main]

use std::sync::LazyLock;

use anser_messaging::fuzzing::{DamagedLog, EntryRow};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    extents: [Option<[Number; 5]>; 3],
    entries: [Option<Row<'a>>; 4],
}

/// Small numbers lead on; large ones break.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Number {
    Small(i8),
    Any(i64),
}

impl From<Number> for i64 {
    fn from(number: Number) -> Self {
        match number {
            Number::Small(number) => number.into(),
            Number::Any(number) => number,
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Row<'a> {
    numbers: [Number; 6],
    body: &'a [u8],
}

struct House {
    runtime: Runtime,
    log: DamagedLog,
    _dir: tempfile::TempDir,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder");
    let log = runtime.block_on(DamagedLog::open(dir.path())).expect("a store");
    House { runtime, log, _dir: dir }
});

fuzz_target!(|input: Input<'_>| {
    let extents = input.extents.iter().flatten().map(|numbers| numbers.map(i64::from)).collect();
    let entries = input.entries.iter().flatten().map(|row| {
        let [seq, kind, version, countable_no, at, edited_at] = row.numbers.map(i64::from);
        EntryRow { seq, kind, version, countable_no, at, edited_at, body: row.body.to_vec() }
    });
    HOUSE.runtime.block_on(HOUSE.log.read(extents, entries.collect()));
});
