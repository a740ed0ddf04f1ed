//! Time and counts that many tasks share: when measuring begins and ends, what took how long.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep};

/// The longest duration that a histogram tells from longer ones.
const LONGEST_US: u64 = 120_000_000;

/// An empty histogram of microseconds.
pub fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are in order")
}

/// When a run warms up, measures and ends.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Measuring begins.
    pub begin: Instant,
    /// Measuring ends, and so does the load.
    pub end: Instant,
}

impl Span {
    /// A run that begins to warm up now.
    pub fn from_now(warmup: Duration, measured: Duration) -> Self {
        let begin = Instant::now() + warmup;
        Self { begin, end: begin + measured }
    }

    /// Whether an instant counts.
    pub fn holds(&self, at: Instant) -> bool {
        at >= self.begin && at < self.end
    }
}

/// Counts of one run.
pub struct Tally {
    /// Acknowledged sends, warm-up included.
    pub acked: AtomicU64,
    /// Acknowledged sends that count.
    pub measured: AtomicU64,
    /// Entries that recipients were pushed.
    pub delivered: AtomicU64,
    /// How often a recipient was told to sync instead.
    pub resets: AtomicU64,
    latency: Mutex<Histogram<u32>>,
    refused: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            acked: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            latency: Mutex::new(histogram()),
            refused: Mutex::new(BTreeMap::new()),
        })
    }

    /// A send was refused.
    pub fn refused(&self, code: &str) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(code.to_owned()).or_default() += 1;
    }

    /// Refusals by code.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The durations of all tasks.
    pub fn latencies(&self) -> Histogram<u32> {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One task's durations, handed over now and then so that tasks do not meet at each.
pub struct Durations {
    tally: Arc<Tally>,
    waiting: Vec<u32>,
}

impl Durations {
    /// Durations that go into `tally`.
    pub fn new(tally: Arc<Tally>) -> Self {
        Self { tally, waiting: Vec::new() }
    }

    /// Something took so long.
    pub fn record(&mut self, duration: Duration) {
        self.waiting.push(duration.as_micros().min(u128::from(LONGEST_US)) as u32);
        if self.waiting.len() >= 512 {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let mut histogram = self.tally.latency.lock().unwrap_or_else(PoisonError::into_inner);
        for micros in self.waiting.drain(..) {
            histogram.saturating_record(u64::from(micros.max(1)));
        }
    }
}

impl Drop for Durations {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// Shows how a run goes, once a second, until it ends.
pub async fn watch(span: Span, tally: &Tally, what: &str) {
    let terminal = std::io::stderr().is_terminal();
    let mut before = (0, 0);
    let started = Instant::now();
    while Instant::now() < span.end {
        sleep(Duration::from_secs(1).min(span.end - Instant::now())).await;
        let now = (tally.acked.load(Ordering::Relaxed), tally.delivered.load(Ordering::Relaxed));
        let phase = if Instant::now() <= span.begin + Duration::from_millis(100) { "warming up" } else { "measuring" };
        let line = format!(
            "{what}: {phase} {:>3} s  {:>8} acks/s  {:>8} deliveries/s",
            started.elapsed().as_secs(),
            now.0 - before.0,
            now.1 - before.1
        );
        before = now;
        progress(terminal, &line);
    }
    if terminal {
        eprintln!();
    }
}

/// One progress line, over the one before where there is a terminal.
pub fn progress(terminal: bool, line: &str) {
    if terminal {
        eprint!("\r\x1b[K{line}");
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("{line}");
    }
}
