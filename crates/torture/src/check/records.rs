//! One record: whoever sees a message sees what its changes made of it, up to the version that they see.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant, Report,
    facts::{Facts, Seen, Wish},
    truth::{Log, Told, Truth},
};
use crate::wire::{Changed, Content};

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    records_are_one(facts, truth, report);
    last_versions_are_known(truth, report);
    changes_come_with_their_targets(facts, truth, report);
    recalled_stays_recalled(facts, truth, report);
    reactions_are_told(facts, truth, report);
}

/// Each sight of a message at a version shows what the log's changes up to that version say.
fn records_are_one(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut looked_at: HashSet<(&str, i64, &Seen)> = HashSet::new();
    for sighting in &facts.sightings {
        let (Ok(seen), Some(log)) = (&sighting.seen, truth.log(&sighting.conversation)) else { continue };
        if !seen.content.is_message() || !looked_at.insert((&sighting.conversation, sighting.seq, seen)) {
            continue;
        }
        if let Some(what) = differs(log, sighting.seq, seen) {
            report.add(Invariant::OneRecord, sighting.line, || {
                format!("{} {} at version {}: {what}; seen {seen:?}", sighting.conversation, sighting.seq, seen.version)
            });
        }
    }
}

/// How `seen` differs from what its changes make of it.
fn differs(log: &Log, seq: i64, seen: &Seen) -> Option<String> {
    let changes: Vec<&Told> = log.changes.get(&seq).into_iter().flatten().collect();
    let upto = |what: fn(&Changed) -> bool| {
        let mut known = changes.iter().filter(|change| change.version <= seen.version && what(&change.what));
        known.next_back()
    };
    if seen.version > 1 && !changes.iter().any(|change| change.version == seen.version) {
        return Some("no change tells of this version".into());
    }
    if let Some(recall) = upto(|what| *what == Changed::Recalled) {
        let gone = seen.content == Content::Withdrawn(recall.by.clone());
        return (!gone || seen.countable || !seen.reactions.is_empty())
            .then(|| format!("it was recalled at version {}", recall.version));
    }
    let edit = upto(|what| *what == Changed::Edited);
    let words = match edit {
        Some(edit) => edit.words.as_ref(),
        None => log.originals.get(&seq).map(|first| &first.content),
    };
    if let Some(words) = words.filter(|words| **words != seen.content) {
        return Some(format!("it says {words:?}"));
    }
    if (seen.edited_at > 0) != edit.is_some() || !seen.countable {
        return Some("whether it was edited, or counts, is told wrongly".into());
    }
    let reactions = upto(|what| matches!(what, Changed::Reacted(_)));
    let right = reactions.map(|change| &change.what);
    match right {
        Some(Changed::Reacted(right)) if *right != seen.reactions => Some(format!("its reactions are {right:?}")),
        None if !seen.reactions.is_empty() => Some("it has no reactions".into()),
        _ => None,
    }
}

/// When all is quiet, everybody sees the last version.
fn last_versions_are_known(truth: &Truth, report: &mut Report) {
    for (conversation, log) in &truth.logs {
        for (&seq, seen) in log.entries.iter().filter(|(_, seen)| seen.content.is_message()) {
            let right = log.version_at(seq, i64::MAX);
            if seen.version != right {
                report.add(Invariant::OneRecord, 0, || {
                    format!(
                        "{conversation} {seq}: at the end it is version {}, and the log tells of {right}",
                        seen.version
                    )
                });
            }
        }
    }
}

/// A message as one connection met it: conversation and seq.
type Met<'f> = (u64, &'f str, i64);

/// A change is pushed together with the message as it stands by then, to whoever may see that.
fn changes_come_with_their_targets(facts: &Facts, truth: &Truth, report: &mut Report) {
    // After a resume the message may have come in its own place, before its change.
    let alone = facts.pushed.iter().filter(|pushed| pushed.beside.is_none());
    let mut came: HashMap<Met<'_>, Vec<(usize, i64)>> =
        alone.map(|pushed| ((pushed.conn, &*pushed.conversation, pushed.target), Vec::new())).collect();
    for sighting in facts.sightings.iter().filter(|sighting| !sighting.beside) {
        if let (Ok(seen), Some(came)) =
            (&sighting.seen, came.get_mut(&(sighting.conn, &*sighting.conversation, sighting.seq)))
        {
            came.push((sighting.line, seen.version));
        }
    }
    for pushed in &facts.pushed {
        let Some(log) = truth.log(&pushed.conversation) else { continue };
        let user = facts.user_of(pushed.conn);
        let right = log.version_at(pushed.target, pushed.seq);
        let wrong = match pushed.beside {
            Some((seq, version)) => seq != pushed.target || version < right,
            // Of an earlier stay it may be left out, as may be what they deleted.
            None => {
                let came = came.get(&(pushed.conn, &*pushed.conversation, pushed.target)).into_iter().flatten();
                let mut before = came.filter(|(line, version)| *line <= pushed.line && *version >= right);
                before.next().is_none()
                    && log.latest_stay(user, pushed.seq).is_some_and(|(from, _)| from <= pushed.target)
                    && !truth.deleted.perhaps(user, &pushed.conversation, pushed.target, pushed.line)
            }
        };
        if wrong {
            report.add(Invariant::OneRecord, pushed.line, || {
                format!(
                    "{} {} was pushed to {user}: it makes {} version {right}, and beside it is {:?} (seq, version)",
                    pushed.conversation, pushed.seq, pushed.target, pushed.beside
                )
            });
        }
    }
}

/// Nothing changes any more of what was recalled, and an acknowledged recall is in the log.
fn recalled_stays_recalled(facts: &Facts, truth: &Truth, report: &mut Report) {
    for (conversation, log) in &truth.logs {
        for (target, changes) in &log.changes {
            let recall = changes.iter().position(|change| change.what == Changed::Recalled);
            if let Some(later) = recall.and_then(|recall| changes.get(recall + 1)) {
                report.add(Invariant::OneRecord, 0, || {
                    format!("{conversation} {target} was recalled, and {} changes it after that", later.seq)
                });
            }
        }
    }
    for attempt in facts.tries.iter().filter(|attempt| attempt.wish == Wish::Recall) {
        let (conversation, seq) = &attempt.place;
        let stands = truth.log(conversation).is_some_and(|log| log.recalled_by(*seq).is_some());
        if let Some((.., line)) = attempt.done().filter(|_| !stands) {
            report.add(Invariant::OneRecord, line, || {
                format!("{conversation} {seq} was recalled by {}, and the log does not tell of it", attempt.user)
            });
        }
    }
}

/// What a person wanted of one reaction: asked, answered, whether it is to be there.
type Wanted = Vec<(usize, Option<usize>, bool)>;

/// The same of one message, by emoji and person.
type WantedOf<'f> = HashMap<(&'f str, &'f str), Wanted>;

/// When all is quiet, the counts are those of the people who react.
fn reactions_are_told(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut wanted: BTreeMap<(&str, i64), WantedOf<'_>> = BTreeMap::new();
    for attempt in facts.tries.iter().filter(|attempt| !attempt.came_to_nothing()) {
        if let Wish::React(emoji, on) = &attempt.wish {
            let people = wanted.entry((&attempt.place.0, attempt.place.1)).or_default();
            let answered = attempt.done().map(|(.., line)| line);
            people.entry((emoji, &attempt.user)).or_default().push((attempt.invoked, answered, *on));
        }
    }
    for ((conversation, seq), people) in wanted {
        let Some(log) = truth.log(conversation) else { continue };
        let Some(seen) = log.entries.get(&seq).filter(|_| log.recalled_by(seq).is_none()) else { continue };
        let mut counts: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for ((emoji, _), turns) in &people {
            let (off, on) = super::switches::ends(turns.iter().copied());
            let (least, most) = counts.entry(emoji).or_default();
            *least += i64::from(on && !off);
            *most += i64::from(on);
        }
        for (emoji, (least, most)) in counts {
            let told = seen.reactions.iter().find(|(known, _)| known == emoji).map_or(0, |&(_, count)| count);
            if told < least || told > most {
                report.add(Invariant::ReactionsTold, 0, || {
                    format!("{conversation} {seq}: {least}..={most} people react with {emoji}, and {told} are told")
                });
            }
        }
    }
}
