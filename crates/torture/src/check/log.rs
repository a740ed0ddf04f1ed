//! The log itself: its numbers, its times, whether every reader saw it so, and whether somebody really sent it.

use std::collections::{HashMap, HashSet};

use super::{
    Invariant, Report,
    facts::{Attempt, Facts, Key, Outcome},
    truth::{Log, Truth},
};
use crate::wire::Changed;

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    for (conversation, log) in &truth.logs {
        seqs_are_dense(conversation, log, report);
        times_rise(conversation, log, report);
    }
    readers_agree(facts, truth, report);
    nothing_is_phantom(facts, truth, report);
}

fn seqs_are_dense(conversation: &str, log: &Log, report: &mut Report) {
    for (expected, &seq) in (1..).zip(log.entries.keys()) {
        if seq != expected {
            report.add(Invariant::SeqsDense, 0, || {
                format!("{conversation}: nobody could read {expected}, the next is {seq}")
            });
            return;
        }
    }
}

fn times_rise(conversation: &str, log: &Log, report: &mut Report) {
    let mut before = i64::MIN;
    for (seq, seen) in &log.entries {
        if seen.server_ts < before {
            report.add(Invariant::ServerTsMonotone, 0, || {
                format!("{conversation} {seq}: server_ts {} after {before}", seen.server_ts)
            });
        }
        before = before.max(seen.server_ts);
    }
}

/// The seq's own things are the same at every version of it, and the whole of it at the first; what changes of it
/// is another matter.
fn readers_agree(facts: &Facts, truth: &Truth, report: &mut Report) {
    for sighting in &facts.sightings {
        let (conversation, seq) = (&sighting.conversation, sighting.seq);
        let log = truth.log(conversation);
        let Some((log, entry)) = log.and_then(|log| log.entries.get(&seq).map(|entry| (log, entry))) else {
            report.add(Invariant::NoPhantom, sighting.line, || {
                format!("{conversation} {seq} was shown to {} and is not in the log", facts.user_of(sighting.conn))
            });
            continue;
        };
        let same = match &sighting.seen {
            Ok(seen) => {
                let first = Some(entry).filter(|entry| entry.version <= 1).or_else(|| log.originals.get(&seq));
                let first = first.filter(|first| seen.version <= 1 && first.version <= 1);
                first.is_none_or(|first| first == seen)
                    && (&seen.sender, &seen.cmid, seen.server_ts) == (&entry.sender, &entry.cmid, entry.server_ts)
            }
            Err(own_cmid) => *own_cmid == entry.cmid && facts.user_of(sighting.conn) == entry.sender,
        };
        if !same {
            report.add(Invariant::ReadersAgree, sighting.line, || {
                format!("{conversation} {seq}: one reader saw {:?}, another {entry:?}", sighting.seen)
            });
        }
    }
}

fn nothing_is_phantom(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut tries: HashMap<&Key, Vec<&Attempt>> = HashMap::new();
    for attempt in &facts.attempts {
        tries.entry(&attempt.key).or_default().push(attempt);
    }
    for (conversation, log) in &truth.logs {
        let mut told = HashSet::new();
        for (&seq, seen) in log.entries.iter().filter(|(_, seen)| seen.content.is_message()) {
            let key = (conversation.clone(), seen.sender.clone(), seen.cmid.clone());
            let said = log.originals.get(&seq).map(|first| &first.content);
            let mut same = tries
                .get(&key)
                .into_iter()
                .flatten()
                .filter(|attempt| said.is_none_or(|said| attempt.content == *said))
                .peekable();
            let sent = same.peek().is_some();
            let refused = same.all(|attempt| matches!(attempt.outcome, Some(Outcome::Nack { permanent: true, .. })));
            if (!sent || refused) && told.insert(seq) {
                let why = if sent { "was refused for good" } else { "was never sent" };
                report.add(Invariant::NoPhantom, 0, || {
                    format!("{conversation} {seq} from {} {why}: {seen:?}", seen.sender)
                });
            }
        }
        for (&seq, seen) in &log.entries {
            let edit = seen.content.change().is_some_and(|change| change.what == Changed::Edited);
            if (edit || seen.content.is_message()) && !log.may_write(&seen.sender, seq, seen.server_ts) {
                report.add(Invariant::Entitlement, 0, || {
                    format!("{conversation} {seq}: {} wrote it and was not allowed to at that place", seen.sender)
                });
            }
        }
    }
}
