//! Changes of messages as the log tells of them: each about an earlier message, its versions without holes, and each
//! acknowledged one there once.

use std::collections::{HashMap, HashSet};

use super::{
    Invariant, Report,
    facts::{Facts, Try, Wish},
    truth::{Log, Told, Truth},
};
use crate::wire::Changed;

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut wanted: HashMap<(&str, i64), Vec<&Try>> = HashMap::new();
    for attempt in facts.tries.iter().filter(|attempt| !attempt.came_to_nothing()) {
        wanted.entry((&attempt.place.0, attempt.place.1)).or_default().push(attempt);
    }
    for (conversation, log) in &truth.logs {
        for (&target, changes) in &log.changes {
            let mut broken = |seq: i64, what: String| {
                report.add(Invariant::ChangeHasTarget, 0, || format!("{conversation} {seq} changes {target}: {what}"));
            };
            if !log.entries.get(&target).is_some_and(|entry| entry.content.is_message()) {
                broken(changes[0].seq, "there is no such message".into());
            }
            let mut version = 1;
            for change in changes {
                if change.seq <= target {
                    broken(change.seq, "it comes later".into());
                }
                if change.what == Changed::Pinned {
                    continue;
                }
                version += 1;
                if change.version != version {
                    broken(change.seq, format!("to version {}, and the next would be {version}", change.version));
                }
                let tries = wanted.get(&(&**conversation, target)).into_iter().flatten();
                if !tries.into_iter().any(|attempt| is_wish_of(change, attempt)) {
                    broken(change.seq, format!("nobody asked for it: {change:?}"));
                }
            }
        }
    }
    acknowledged_changes_stand(facts, truth, report);
}

/// Whether `attempt` asked for what `change` tells.
fn is_wish_of(change: &Told, attempt: &Try) -> bool {
    match (&change.what, &attempt.wish) {
        (Changed::Edited, Wish::Edit(_)) | (Changed::Recalled, Wish::Recall) => attempt.user == change.by,
        (Changed::Reacted(_), Wish::React(..)) => true,
        _ => false,
    }
}

fn acknowledged_changes_stand(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut taken = HashSet::new();
    for attempt in &facts.tries {
        let (conversation, target) = &attempt.place;
        let Some((version, change_seq, line)) = attempt.done().filter(|(_, change, _)| *change > 0) else { continue };
        let change = truth.log(conversation).and_then(|log| find(log, *target, change_seq));
        let stands = change.is_some_and(|change| change.version == version && is_wish_of(change, attempt));
        if !stands || !taken.insert((conversation, change_seq)) {
            report.add(Invariant::ChangeHasTarget, line, || {
                format!(
                    "{conversation} {target}: {:?} by {} was acknowledged as version {version} at {change_seq}, where the \
                     log has {change:?}",
                    attempt.wish, attempt.user
                )
            });
        }
    }
}

fn find(log: &Log, target: i64, seq: i64) -> Option<&Told> {
    log.changes.get(&target)?.iter().find(|change| change.seq == seq)
}
