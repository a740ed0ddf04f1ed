//! What a check found.

use std::{collections::BTreeMap, fmt};

use super::{Invariant, facts::Facts, truth::Truth};

/// How many violations of one invariant are kept; the rest are only counted.
const KEPT: usize = 20;

/// A broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which promise.
    pub invariant: Invariant,
    /// What was seen.
    pub detail: String,
    /// The line of the history where it was seen; 0 where it concerns the whole.
    pub line: usize,
}

/// The outcome of a check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was broken, causes first.
    pub violations: Vec<Violation>,
    /// How often each invariant was broken.
    pub counts: BTreeMap<Invariant, usize>,
    /// What the history held, for people.
    pub summary: String,
}

impl Report {
    pub(super) fn new(facts: &Facts, truth: &Truth) -> Self {
        let acked = facts.attempts.iter().filter(|attempt| attempt.ack().is_some()).count();
        let summary = format!(
            "{} lines, {} people, {} connections, {} conversations, {} entries; {} sends ({} acked), {} entries received, \
             {} pages, {} head lists, {} kills; {} changes of messages wanted ({} done), {} comings, goings, blocks and links, \
             {} deletions for oneself, {} texts heard; {} files, fetched {} times, {} searches that found {} messages",
            facts.lines,
            facts.users.len(),
            facts.connections.len(),
            truth.logs.len(),
            truth.logs.values().map(|log| log.entries.len()).sum::<usize>(),
            facts.attempts.len(),
            acked,
            facts.sightings.len(),
            facts.pages.len(),
            facts.heads.len(),
            facts.kills,
            facts.tries.len(),
            facts.tries.iter().filter(|attempt| attempt.done().is_some()).count(),
            facts.turns.len(),
            facts.deletions.len(),
            facts.heard.len(),
            facts.uploads.len(),
            facts.downloads.iter().filter(|download| download.content.is_some()).count(),
            facts.searches.len(),
            facts.searches.iter().map(|search| search.found.len()).sum::<usize>(),
        );
        Self { summary, ..Self::default() }
    }

    pub(super) fn add(&mut self, invariant: Invariant, line: usize, detail: impl FnOnce() -> String) {
        let count = self.counts.entry(invariant).or_default();
        *count += 1;
        if *count <= KEPT {
            self.violations.push(Violation { invariant, detail: detail(), line });
        }
    }

    pub(super) fn sort(&mut self) {
        self.violations.sort_by_key(|violation| (violation.invariant, violation.line));
    }

    /// Whether every promise was kept.
    pub fn clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// The invariant that names the fault: the first in the order of causes.
    pub fn primary(&self) -> Option<Invariant> {
        self.counts.keys().next().copied()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for (invariant, count) in &self.counts {
            writeln!(f, "BROKEN {invariant}: {count} times")?;
            for violation in self.violations.iter().filter(|violation| violation.invariant == *invariant).take(5) {
                writeln!(f, "  line {}: {}", violation.line, violation.detail)?;
            }
        }
        if self.clean() {
            write!(f, "clean: 0 violations")
        } else {
            write!(f, "{} violations", self.counts.values().sum::<usize>())
        }
    }
}
