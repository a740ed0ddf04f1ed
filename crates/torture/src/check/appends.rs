//! Sending: what an acknowledgement means, and the order of messages.

use std::collections::{HashMap, HashSet};

use super::{
    Invariant, Report,
    facts::{Ack, Attempt, Facts, Key},
    truth::Truth,
};

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut by_key: HashMap<&Key, Vec<&Attempt>> = HashMap::new();
    for attempt in &facts.attempts {
        by_key.entry(&attempt.key).or_default().push(attempt);
    }
    no_seq_is_given_twice(facts, report);
    acked_is_in_the_log(facts, truth, report);
    for (key, attempts) in &by_key {
        one_key_one_answer(key, attempts, truth, report);
    }
    acks_are_ordered(&by_key, truth, report);
    sends_are_ordered(facts, report);
}

fn acks(facts: &Facts) -> impl Iterator<Item = (&Attempt, &Ack)> {
    facts.attempts.iter().filter_map(|attempt| attempt.ack().map(|ack| (attempt, ack)))
}

/// Whether the log has this message where and when the acknowledgement says. The time counts: what was lost in a crash and
/// sent again may come to stand at the very seq that it had before.
fn stands(truth: &Truth, key: &Key, ack: &Ack) -> bool {
    let entry = truth.log(&key.0).and_then(|log| log.entries.get(&ack.seq));
    entry.is_some_and(|seen| seen.sender == key.1 && seen.cmid == key.2 && seen.server_ts == ack.server_ts)
}

/// Over a crash the same seq may come again only because the first was lost, and that has a name of its own.
fn no_seq_is_given_twice(facts: &Facts, report: &mut Report) {
    let mut given: HashMap<(&str, i64, usize), &Key> = HashMap::new();
    for (attempt, ack) in acks(facts) {
        let first = *given.entry((&attempt.key.0, ack.seq, ack.life)).or_insert(&attempt.key);
        if *first != attempt.key {
            report.add(Invariant::SeqsDense, ack.line, || {
                format!("{} {}: acknowledged for {first:?} and for {:?}", attempt.key.0, ack.seq, attempt.key)
            });
        }
    }
}

fn acked_is_in_the_log(facts: &Facts, truth: &Truth, report: &mut Report) {
    for (attempt, ack) in acks(facts) {
        let entry = truth.log(&attempt.key.0).and_then(|log| log.entries.get(&ack.seq));
        if !stands(truth, &attempt.key, ack) {
            report.add(Invariant::AckedInLogOnce, ack.line, || {
                let (key, seq, at) = (&attempt.key, ack.seq, ack.server_ts);
                format!("{key:?} was acknowledged at {seq} ({at}), where the log has {entry:?}")
            });
        }
    }
    for (conversation, log) in &truth.logs {
        let mut known = HashMap::new();
        for (seq, seen) in log.entries.iter().filter(|(_, seen)| seen.content.is_message()) {
            if let Some(first) = known.insert((&seen.sender, &seen.cmid), seq) {
                report.add(Invariant::AckedInLogOnce, 0, || {
                    format!("{conversation}: {} of {} stands at {first} and at {seq}", seen.cmid, seen.sender)
                });
            }
        }
    }
}

fn one_key_one_answer(key: &Key, attempts: &[&Attempt], truth: &Truth, report: &mut Report) {
    let mut first: Option<&Ack> = None;
    let mut fresh = 0;
    for attempt in attempts {
        let Some(ack) = attempt.ack() else { continue };
        if first
            .is_some_and(|first| (first.seq, first.server_ts) != (ack.seq, ack.server_ts) && stands(truth, key, first))
        {
            report.add(Invariant::SameKeySameAck, ack.line, || {
                format!("{key:?} was acknowledged as {first:?} and as {ack:?}")
            });
        }
        // What was lost in a crash is new when it comes again; that it was lost is another violation.
        fresh += usize::from(!ack.dup && stands(truth, key, ack));
        let entry = truth.log(&key.0).and_then(|log| log.originals.get(&ack.seq));
        if let Some(entry) = entry.filter(|entry| stands(truth, key, ack) && entry.content != attempt.content) {
            report.add(Invariant::SameKeySameAck, ack.line, || {
                format!("{key:?} was acknowledged for {:?}, stored is {:?}", attempt.content, entry.content)
            });
        }
        first = first.or(Some(ack));
    }
    let line = first.map_or(0, |ack| ack.line);
    if fresh > 1 {
        report.add(Invariant::SameKeySameAck, line, || format!("{key:?} was acknowledged as new {fresh} times"));
    }
    if attempts.len() == 1 && first.is_some_and(|ack| ack.dup) {
        report.add(Invariant::SameKeySameAck, line, || format!("{key:?} was sent once and called a repeat"));
    }
}

fn acks_are_ordered(by_key: &HashMap<&Key, Vec<&Attempt>>, truth: &Truth, report: &mut Report) {
    for (conversation, log) in &truth.logs {
        // From the end: the earliest ack of all that stands higher must not lie before this one was first sent.
        let mut earliest: Option<(usize, i64)> = None;
        for (&seq, seen) in log.entries.iter().rev().filter(|(_, seen)| seen.content.is_message()) {
            let key = (conversation.clone(), seen.sender.clone(), seen.cmid.clone());
            let Some(attempts) = by_key.get(&key) else { continue };
            let invoked = attempts.iter().map(|attempt| attempt.invoked).min().unwrap_or_default();
            if let Some((acked, higher)) = earliest.filter(|&(acked, _)| acked < invoked) {
                report.add(Invariant::AckRealTimeOrder, invoked, || {
                    format!("{conversation}: {higher} was acknowledged (line {acked}) before {seq} was sent")
                });
            }
            let acked = attempts
                .iter()
                .filter_map(|attempt| attempt.ack())
                .filter(|ack| ack.seq == seq && ack.server_ts == seen.server_ts)
                .map(|ack| ack.line)
                .min();
            if let Some(acked) = acked.filter(|acked| earliest.is_none_or(|(before, _)| *acked < before)) {
                earliest = Some((acked, seq));
            }
        }
    }
}

fn sends_are_ordered(facts: &Facts, report: &mut Report) {
    let mut tried = HashSet::new();
    let mut before: HashMap<(u64, &str), (i64, usize)> = HashMap::new();
    for attempt in &facts.attempts {
        let first_try = tried.insert(&attempt.key);
        let (Some(conn), Some(ack)) = (attempt.conn, attempt.ack()) else { continue };
        if !first_try || ack.dup {
            continue;
        }
        let (highest, line) = before.entry((conn, &attempt.key.0)).or_insert((0, 0));
        if ack.seq <= *highest {
            report.add(Invariant::SendOrder, ack.line, || {
                format!(
                    "{}: sent after the message of line {line} on one connection, and stands at {} before {highest}",
                    attempt.key.0, ack.seq
                )
            });
        }
        (*highest, *line) = (ack.seq.max(*highest), attempt.invoked);
    }
}
