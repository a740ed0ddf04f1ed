//! Metrics: the recorder that every crate's counters land in, rendered for `/metrics`, and the figures of the process.
//!
//! `docs/metrics.md` is the one list of names and meanings: it is built in, and gives the help texts. A test compares it
//! with the names that the sources use.

use std::sync::Arc;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::Instant;

use crate::cli::VERSION;

/// The documented metrics.
pub const DOCUMENT: &str = include_str!("../../../docs/metrics.md");

const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// The process's metrics. Cloning gives another handle.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    recorder: PrometheusHandle,
    started: Instant,
}

impl Metrics {
    /// Installs the recorder. Once a process.
    pub fn install() -> anyhow::Result<Self> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(COUNTS)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
            .install_recorder()?;
        documented(DOCUMENT).for_each(describe);
        gauge!("anser_build_info", "version" => VERSION).set(1.0);
        Ok(Self(Arc::new(Inner { recorder, started: Instant::now() })))
    }

    /// Everything as Prometheus reads it.
    pub fn render(&self) -> String {
        gauge!("anser_uptime_seconds").set(self.0.started.elapsed().as_secs_f64());
        observe_process();
        self.0.recorder.render()
    }

    /// Folds what histograms collected, so that memory stays bounded while nobody scrapes.
    pub fn upkeep(&self) {
        self.0.recorder.run_upkeep();
    }
}

/// One row of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Documented<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// counter, gauge or histogram.
    pub kind: &'a str,
    /// Its labels, separated by commas.
    pub labels: &'a str,
    /// What it tells.
    pub meaning: &'a str,
}

/// The rows of `document`: ``| `name` | kind | labels | meaning |``.
pub fn documented(document: &str) -> impl Iterator<Item = Documented<'_>> {
    document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        let (kind, labels) = (cells.next()?, cells.next()?);
        let meaning = cells.next()?.strip_suffix(" |")?;
        Some(Documented { name, kind, labels, meaning })
    })
}

fn describe(row: Documented<'static>) {
    let unit = if row.name.ends_with("_seconds") {
        Unit::Seconds
    } else if row.name.ends_with("_bytes") {
        Unit::Bytes
    } else {
        Unit::Count
    };
    match row.kind {
        "counter" => describe_counter!(row.name, unit, row.meaning),
        "histogram" => describe_histogram!(row.name, unit, row.meaning),
        _ => describe_gauge!(row.name, unit, row.meaning),
    }
}

/// The figures that Linux keeps of a process; elsewhere they are missing.
fn observe_process() {
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        if let Some(kib) = field("VmRSS:") {
            gauge!("process_resident_memory_bytes").set(kib * 1024.0);
        }
        if let Some(threads) = field("Threads:") {
            gauge!("process_threads").set(threads);
        }
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(entries.count() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_prose_is_not() {
        let text =
            "# Metrics\n| Name | Kind | Labels | Meaning |\n|---|---|---|---|\n| `a_total` | counter | – | As. |\n";
        let rows: Vec<_> = documented(text).collect();
        assert_eq!(rows, [Documented { name: "a_total", kind: "counter", labels: "–", meaning: "As." }]);
    }
}
