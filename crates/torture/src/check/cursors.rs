//! Read cursors and unread counts.

use std::collections::{BTreeMap, HashMap};

use super::{
    Invariant, Report,
    facts::{Facts, Told},
    truth::{Log, Truth},
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
        let reader = Reader { truth, log, user: &cursor.user, conversation: &cursor.conversation };
        let lines = (cursor.invoked, cursor.line);
        // How far the log reached is not told: what may have been there, and may have been recalled by then, may count.
        let fewest = reader.unread(answered, head, lines).filter(|message| message.surely && !message.ever_recalled);
        let fewest = fewest.count() as i64;
        let most = reader.unread(answered, i64::MAX, lines).count() as i64;
        let told = cursor.moved.unread;
        if told < fewest || told > most {
            report.add(Invariant::UnreadCorrect, cursor.line, || {
                format!(
                    "{}: {} at {answered} was told {told} unread, which is not in {fewest}..={most}",
                    cursor.conversation, cursor.user
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
            let head = item.head_seq;
            let reader = Reader { truth, log, user, conversation: &item.conversation_id };
            // One whose log goes on knows of each recall up to there and of none after; one who left, nobody knows.
            let goes_on = log.latest_stay(user, head).is_some_and(|(_, to)| to > head);
            let (mut fewest, mut most, mut fewest_meant, mut most_meant) = (0, 0, 0, 0);
            for message in reader.unread(item.read_seq, head, (heads.invoked, heads.line)) {
                let recalled = log.recalled_by(message.seq);
                if recalled.is_some_and(|recalled| recalled <= head) {
                    continue;
                }
                let surely = i64::from(message.surely && (goes_on || recalled.is_none()));
                (fewest, most) = (fewest + surely, most + 1);
                let meant = log.mentions(message.seq, head).map(|mentions| mentions.name(user));
                fewest_meant += if meant == Some(true) && goes_on { surely } else { 0 };
                most_meant += i64::from(meant != Some(false) || !goes_on);
            }
            if item.unread < fewest || item.unread > most {
                report.add(Invariant::UnreadCorrect, heads.line, || {
                    format!(
                        "{}: {user} has {fewest}..={most} unread after {} up to {head} and was told {}",
                        item.conversation_id, item.read_seq, item.unread
                    )
                });
            }
            if item.mentions < fewest_meant || item.mentions > most_meant {
                report.add(Invariant::UnreadCorrect, heads.line, || {
                    format!(
                        "{}: {fewest_meant}..={most_meant} after {} up to {head} are meant for {user}, told {}",
                        item.conversation_id, item.read_seq, item.mentions
                    )
                });
            }
        }
    }
}

/// Somebody who counts.
struct Reader<'t> {
    truth: &'t Truth,
    log: &'t Log,
    user: &'t str,
    conversation: &'t str,
}

/// A message that may be unread.
struct Unread {
    seq: i64,
    /// Whether its reader did certainly not delete it.
    surely: bool,
    /// Whether it was recalled, then or later.
    ever_recalled: bool,
}

impl Reader<'_> {
    /// The messages of others after `read_seq` in a log that ends at `head`, for a question of these lines.
    fn unread(&self, read_seq: i64, head: i64, (invoked, line): (usize, usize)) -> impl Iterator<Item = Unread> {
        let deleted = &self.truth.deleted;
        let messages = self.log.countable(self.user, read_seq, head);
        let there = messages.filter(move |(seq, _)| !deleted.surely(self.user, self.conversation, *seq, invoked));
        there.map(move |(seq, recalled)| Unread {
            seq,
            surely: !deleted.perhaps(self.user, self.conversation, seq, line),
            ever_recalled: recalled.is_some(),
        })
    }
}
