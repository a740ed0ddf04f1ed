//! What came out, as text and as JSON.

use std::fmt::Write as _;

use anyhow::bail;
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use crate::Common;

/// What is told of a distribution.
const LATENCY: [&str; 6] = ["count", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"];

/// The result of one measurement: the circumstances and the figures, in the order in which they were given.
#[derive(Debug)]
pub struct Report {
    subject: &'static str,
    circumstances: Vec<(String, Value)>,
    figures: Vec<(String, Value)>,
    faults: Vec<String>,
}

impl Report {
    /// An empty report that names the encoding and the settings that differ from the default.
    pub fn new(subject: &'static str, common: &Common, settings: &[String]) -> Self {
        let mut report = Self { subject, circumstances: Vec::new(), figures: Vec::new(), faults: Vec::new() };
        report.given("encoding", format!("{:?}", common.encoding).to_lowercase());
        report.given("body_bytes", common.body);
        report.given("seconds", common.seconds);
        report.given("settings", settings.to_vec());
        report
    }

    /// A circumstance.
    pub fn given(&mut self, name: &str, value: impl Into<Value>) {
        self.circumstances.push((name.to_owned(), value.into()));
    }

    /// A figure.
    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.push((name.to_owned(), value.into()));
    }

    /// The distribution of durations, given in microseconds.
    pub fn latency(&mut self, name: &str, histogram: &Histogram<u32>) {
        let at = |quantile: f64| round(histogram.value_at_quantile(quantile) as f64 / 1_000.0);
        let value = json!({
            "count": histogram.len(), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "p999_ms": at(0.999),
            "max_ms": round(histogram.max() as f64 / 1_000.0),
        });
        self.figures.push((name.to_owned(), value));
    }

    /// Something that must not be: the command fails once the report is printed.
    pub fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    /// One JSON object.
    pub fn json(&self) -> Value {
        let object = |pairs: &[(String, Value)]| Value::Object(pairs.iter().cloned().collect::<Map<_, _>>());
        let (given, figures) = (object(&self.circumstances), object(&self.figures));
        json!({ "subject": self.subject, "given": given, "figures": figures, "faults": self.faults })
    }

    /// Lines for people.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.subject);
        for (name, value) in &self.circumstances {
            let _ = writeln!(out, "  {name:<28} {}", plain(value));
        }
        let _ = writeln!(out, "  {}", "-".repeat(60));
        for (name, value) in &self.figures {
            let _ = writeln!(out, "  {name:<28} {}", plain(value));
        }
        for fault in &self.faults {
            let _ = writeln!(out, "  FAULT {fault}");
        }
        out
    }

    /// An error if something was found that must not be.
    pub fn verdict(&self) -> anyhow::Result<()> {
        if !self.faults.is_empty() {
            bail!("{}", self.faults.join("; "));
        }
        Ok(())
    }
}

/// Three digits after the point are more than a benchmark knows.
pub fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(&format!("\n{:31}", "")),
        Value::Object(fields) => {
            LATENCY.iter().map(|name| format!("{name} {}", fields[*name])).collect::<Vec<_>>().join("  ")
        }
        other => other.to_string(),
    }
}
