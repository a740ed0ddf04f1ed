//! The checker: a pure function from a history file to the promises that were broken.
//!
//! [`reading`] (and [`acting`], of what people do to messages and each other) sorts the lines into [`facts`]: what was
//! asked, answered and seen. [`truth`] is the log as the last readers
//! read it when all was quiet, and who may see what, derived from the log alone. Each rule then lives in a file of its
//! subject and compares the two.

mod acting;
mod appends;
mod arrivals;
mod changes;
mod cursors;
pub mod deleted;
pub mod facts;
mod fetching;
mod files;
mod invariant;
mod log;
mod pages;
mod reading;
mod recalls;
mod records;
mod report;
mod switches;
pub mod truth;

use std::path::Path;

use anyhow::Result;

pub use invariant::Invariant;
pub use report::{Report, Violation};

use facts::Facts;
use truth::Truth;

/// Checks the history at `path` against every invariant.
pub fn check(path: &Path) -> Result<Report> {
    let facts = Facts::read(path)?;
    Ok(check_facts(&facts))
}

fn check_facts(facts: &Facts) -> Report {
    let truth = Truth::build(facts);
    let mut report = Report::new(facts, &truth);
    log::check(facts, &truth, &mut report);
    appends::check(facts, &truth, &mut report);
    recalls::check(facts, &truth, &mut report);
    changes::check(facts, &truth, &mut report);
    records::check(facts, &truth, &mut report);
    switches::check(facts, &truth, &mut report);
    pages::check(facts, &truth, &mut report);
    arrivals::check(facts, &truth, &mut report);
    cursors::check(facts, &truth, &mut report);
    files::check(facts, &truth, &mut report);
    report.sort();
    report
}

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_changes;
#[cfg(test)]
mod tests_of_files;
