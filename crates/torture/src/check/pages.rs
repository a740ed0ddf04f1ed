//! Reading: what pages of sync and lists of heads hold, and that they never fall behind what was known.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    Invariant, Report,
    facts::{Facts, Page},
    truth::{Log, Truth},
};
use crate::wire::Content;

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    for page in &facts.pages {
        let user = facts.user_of(page.conn);
        match truth.log(&page.page.conversation_id) {
            Some(log) => {
                page_is_exact(page, user, log, truth, report);
                changes_bring_their_targets(page, user, log, truth, report);
            }
            None => report
                .add(Invariant::SyncExact, page.line, || "a page of a conversation that nobody read at the end".into()),
        }
    }
    heads_are_entitled(facts, truth, report);
    last_heads_are_complete(facts, truth, report);
    reads_show_what_was_known(facts, report);
}

fn page_is_exact(page: &Page, user: &str, log: &Log, truth: &Truth, report: &mut Report) {
    let (after, invoked, page, line) = (page.after, page.invoked, &page.page, page.line);
    let conversation = &page.conversation_id;
    let mut broken = |invariant: Invariant, what: String| {
        report.add(invariant, line, || {
            format!("{conversation} after {after} up to {} for {user}: {what}", page.next_seq)
        });
    };
    let held: BTreeSet<i64> = page.entries.iter().map(|entry| entry.seq).collect();
    if held.len() != page.entries.len() || !page.entries.is_sorted_by_key(|entry| entry.seq) {
        broken(Invariant::SyncExact, "entries repeat or do not rise".into());
    }
    if let Some(outside) = held.iter().find(|seq| **seq <= after || **seq > page.next_seq) {
        broken(Invariant::SyncExact, format!("{outside} is not of this range"));
    }
    let hidden = |seq: i64| page.hidden.iter().any(|range| range.from_seq <= seq && seq <= range.to_seq);
    let ranges = log.ranges(user, page.head_seq);
    // What lies before the first entry that the reader may see is named by that entry's seq.
    let earliest = ranges.iter().map(|&(from, _)| from).min().unwrap_or(i64::MAX);
    let before_all = |seq: i64| seq < earliest && page.earliest_seq >= earliest;
    for seq in after + 1..=page.next_seq.min(log.head()) {
        let visible = ranges.iter().any(|&(from, to)| from <= seq && seq <= to);
        let gone = truth.deleted.surely(user, conversation, seq, invoked);
        let perhaps_gone = gone || truth.deleted.perhaps(user, conversation, seq, line);
        match (visible, held.contains(&seq)) {
            (true, false) if !perhaps_gone => broken(Invariant::SyncExact, format!("{seq} is missing")),
            (true, true) if gone => broken(Invariant::SyncExact, format!("{seq} is there, and was deleted before")),
            (_, false) if !hidden(seq) && !before_all(seq) => {
                broken(Invariant::SyncExact, format!("{seq} is neither there nor named as hidden"));
            }
            (true, true) if hidden(seq) => broken(Invariant::SyncExact, format!("{seq} is there and named as hidden")),
            _ => {}
        }
    }
    if !page.has_more && page.next_seq < page.head_seq {
        broken(Invariant::SyncExact, format!("no more, but the head is {}", page.head_seq));
    }
    if page.head_seq > log.last_visible(user) {
        broken(Invariant::Entitlement, format!("head {} is beyond what this reader may see", page.head_seq));
    }
}

/// What a change on the page refers to is on the page or beside it, as it stands by then, if the reader may see it.
fn changes_bring_their_targets(page: &Page, user: &str, log: &Log, truth: &Truth, report: &mut Report) {
    let (invoked, page, line) = (page.invoked, &page.page, page.line);
    let conversation = &page.conversation_id;
    let shown: HashMap<i64, i64> =
        page.entries.iter().chain(&page.targets).map(|entry| (entry.seq, entry.version)).collect();
    for (&seq, &version) in &shown {
        let right = log.version_at(seq, page.head_seq);
        if version < right {
            report.add(Invariant::OneRecord, line, || {
                format!("{conversation} {seq}: {user} was shown version {version}, and it had {right}")
            });
        }
    }
    for target in &page.targets {
        if truth.deleted.surely(user, conversation, target.seq, invoked) {
            report.add(Invariant::SyncExact, line, || {
                format!("{conversation}: {} is beside a page for {user}, who deleted it before", target.seq)
            });
        }
    }
    for entry in &page.entries {
        let Some(target) = Content::read(&entry.content).change().map(|change| change.target) else { continue };
        let may_see = log.visible_at(user, target, page.head_seq);
        if may_see && !shown.contains_key(&target) && !truth.deleted.perhaps(user, conversation, target, line) {
            report.add(Invariant::SyncExact, line, || {
                format!("{conversation}: {} on a page for {user} changes {target}, which is not beside it", entry.seq)
            });
        }
    }
}

fn heads_are_entitled(facts: &Facts, truth: &Truth, report: &mut Report) {
    for heads in &facts.heads {
        let user = facts.user_of(heads.conn);
        for item in &heads.items {
            let last = truth.log(&item.conversation_id).map_or(0, |log| log.last_visible(user));
            if item.head_seq > last {
                report.add(Invariant::Entitlement, heads.line, || {
                    format!("{}: {user} may see {last} at most and was told of {}", item.conversation_id, item.head_seq)
                });
            }
        }
    }
}

/// When all is quiet, a reader without a token finds every conversation and its very end.
fn last_heads_are_complete(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut told: HashMap<&str, HashMap<&str, i64>> = HashMap::new();
    for heads in facts.heads.iter().filter(|heads| facts.connections.get(&heads.conn).is_some_and(|conn| conn.last)) {
        let told = told.entry(facts.user_of(heads.conn)).or_default();
        told.extend(heads.items.iter().map(|item| (&*item.conversation_id, item.head_seq)));
    }
    for (user, told) in told {
        for (conversation, log) in truth.logs.iter().filter(|(_, log)| log.knows(user)) {
            let (head, last) = (told.get(&**conversation).copied(), log.last_visible(user));
            if head != Some(last) {
                report.add(Invariant::SyncExact, 0, || {
                    format!("{conversation}: the heads of {user} end at {head:?} instead of {last}")
                });
            }
        }
    }
}

/// What somebody knew before asking: acknowledgements, heads, entries. Every answer must show at least that much.
fn reads_show_what_was_known(facts: &Facts, report: &mut Report) {
    let mut known: HashMap<(&str, &str), Vec<(usize, i64)>> = HashMap::new();
    let wanted: HashSet<(&str, &str)> =
        facts.pages.iter().map(|page| (facts.user_of(page.conn), &*page.page.conversation_id)).collect();
    for attempt in &facts.attempts {
        if let Some(ack) = attempt.ack() {
            known.entry((&attempt.key.1, &attempt.key.0)).or_default().push((ack.line, ack.seq));
        }
    }
    for sighting in facts.sightings.iter().filter(|sighting| !sighting.beside) {
        let key = (facts.user_of(sighting.conn), &*sighting.conversation);
        if wanted.contains(&key) {
            known.entry(key).or_default().push((sighting.line, sighting.seq));
        }
    }
    for list in known.values_mut() {
        list.sort_unstable();
        let mut highest = 0;
        for (_, seq) in list.iter_mut() {
            highest = highest.max(*seq);
            *seq = highest;
        }
    }
    let knew = |user: &str, conversation: &str, invoked: usize| {
        let list = known.get(&(user, conversation))?;
        list[..list.partition_point(|&(line, _)| line < invoked)].last().map(|&(_, seq)| seq)
    };
    for page in &facts.pages {
        let (user, conversation) = (facts.user_of(page.conn), &page.page.conversation_id);
        if let Some(seq) = knew(user, conversation, page.invoked).filter(|seq| *seq > page.page.head_seq) {
            report.add(Invariant::ReadsOwnAcks, page.line, || {
                format!("{conversation}: {user} knew of {seq} and was told that the head is {}", page.page.head_seq)
            });
        }
    }
    for heads in &facts.heads {
        for item in &heads.items {
            let (user, conversation) = (facts.user_of(heads.conn), &item.conversation_id);
            if let Some(seq) = knew(user, conversation, heads.invoked).filter(|seq| *seq > item.head_seq) {
                report.add(Invariant::ReadsOwnAcks, heads.line, || {
                    format!("{conversation}: {user} knew of {seq} and was told that the head is {}", item.head_seq)
                });
            }
        }
    }
}
