//! Read cursors and unread counts.

use std::collections::{BTreeMap, HashMap};

use super::{
    Invariant, Report,
    facts::{Facts, Told},
    truth::Truth,
};

/// A cursor as somebody was told it: asked at, answered at, where it was.
type Told3 = (usize, usize, i64);

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    cursors_never_go_back(facts, report);
    pushed_cursors_never_go_back(facts, report);
    cursors_follow(facts, truth, report);
    unread_is_right(facts, truth, report);
}

fn cursors_never_go_back(facts: &Facts, report: &mut Report) {
    let mut told: BTreeMap<(&str, &str), Vec<Told3>> = BTreeMap::new();
    for cursor in &facts.cursors {
        let list = told.entry((&cursor.user, &cursor.conversation)).or_default();
        list.push((cursor.invoked, cursor.line, cursor.moved.read_seq));
    }
    for heads in &facts.heads {
        for item in &heads.items {
            let list = told.entry((facts.user_of(heads.conn), &item.conversation_id)).or_default();
            list.push((heads.invoked, heads.line, item.read_seq));
        }
    }
    // Sending moves one's own cursor to what was sent.
    for attempt in &facts.attempts {
        if let Some(ack) = attempt.ack()
            && let Some(list) = told.get_mut(&(&*attempt.key.1, &*attempt.key.0))
        {
            list.push((usize::MAX, ack.line, ack.seq));
        }
    }
    for ((user, conversation), list) in told {
        let mut answers: Vec<(usize, i64)> = list.iter().map(|&(_, line, seq)| (line, seq)).collect();
        answers.sort_unstable();
        let mut highest = 0;
        for (_, seq) in &mut answers {
            highest = highest.max(*seq);
            *seq = highest;
        }
        for (invoked, line, seq) in list.into_iter().filter(|&(invoked, ..)| invoked != usize::MAX) {
            let before =
                answers[..answers.partition_point(|&(line, _)| line < invoked)].last().map_or(0, |&(_, seq)| seq);
            if seq < before {
                report.add(Invariant::ReadCursorMonotone, line, || {
                    format!("{conversation}: the cursor of {user} was {before} and then {seq}")
                });
            }
        }
    }
}

fn pushed_cursors_never_go_back(facts: &Facts, report: &mut Report) {
    for connection in facts.connections.values() {
        let mut highest: HashMap<&str, i64> = HashMap::new();
        for (line, told) in &connection.told {
            let Told::Read(moved) = told else { continue };
            let before = highest.entry(&moved.conversation_id).or_default();
            if moved.read_seq < *before {
                report.add(Invariant::ReadCursorMonotone, *line, || {
                    format!(
                        "{}: pushed to {} at {before} and then at {}",
                        moved.conversation_id, connection.user, moved.read_seq
                    )
                });
            }
            *before = moved.read_seq.max(*before);
        }
    }
}

/// A cursor goes where it was wanted, but never past the head.
fn cursors_follow(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut known: HashMap<(&str, &str), Vec<(usize, i64)>> = HashMap::new();
    for sighting in &facts.sightings {
        known
            .entry((facts.user_of(sighting.conn), &sighting.conversation))
            .or_default()
            .push((sighting.line, sighting.seq));
    }
    for cursor in &facts.cursors {
        let Some(log) = truth.log(&cursor.conversation) else { continue };
        let seen = known.get(&(&*cursor.user, &*cursor.conversation)).into_iter().flatten();
        let head = seen.take_while(|(line, _)| *line < cursor.invoked).map(|&(_, seq)| seq).max().unwrap_or_default();
        let (least, most) = (cursor.wanted.min(head), log.last_visible(&cursor.user));
        let answered = cursor.moved.read_seq;
        if answered < least || answered > most {
            report.add(Invariant::ReadCursorMonotone, cursor.line, || {
                format!(
                    "{}: {} moved the cursor to {} and was told {answered}, which is not in {least}..={most}",
                    cursor.conversation, cursor.user, cursor.wanted
                )
            });
        }
        let unread = |head: i64| log.unread(&cursor.user, answered, head);
        let (fewest, told) = (unread(head), cursor.moved.unread);
        if told < fewest || told > unread(i64::MAX) {
            report.add(Invariant::UnreadCorrect, cursor.line, || {
                format!(
                    "{}: {} at {answered} was told {told} unread, which is not in {fewest}..={}",
                    cursor.conversation,
                    cursor.user,
                    unread(i64::MAX)
                )
            });
        }
    }
}

fn unread_is_right(facts: &Facts, truth: &Truth, report: &mut Report) {
    for heads in &facts.heads {
        let user = facts.user_of(heads.conn);
        for item in &heads.items {
            let Some(log) = truth.log(&item.conversation_id) else { continue };
            let right = log.unread(user, item.read_seq, item.head_seq);
            if item.unread != right {
                report.add(Invariant::UnreadCorrect, heads.line, || {
                    format!(
                        "{}: {user} has {right} unread after {} up to {} and was told {}",
                        item.conversation_id, item.read_seq, item.head_seq, item.unread
                    )
                });
            }
        }
    }
}
