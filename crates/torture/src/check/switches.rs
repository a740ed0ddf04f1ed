//! What people turn on and off: membership, blocks, links. What was acknowledged last is so when all is quiet, and
//! while somebody is blocked nothing is said.

use std::collections::BTreeMap;

use super::{
    Invariant, Report,
    facts::{Facts, Switch, Turn},
    truth::Truth,
};

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut turns: BTreeMap<&Switch, Vec<&Turn>> = BTreeMap::new();
    for turn in &facts.turns {
        turns.entry(&turn.switch).or_default().push(turn);
    }
    for (switch, turns) in &turns {
        let (may_be_off, mut may_be_on) = ends(turns.iter().map(|turn| (turn.invoked, turn.answered, turn.on)));
        // Those who were there when the group was made are in it without having come.
        may_be_on |= matches!(switch, Switch::Member(..)) && turns.iter().all(|turn| turn.answered.is_none());
        let Some(on) = is_on(facts, truth, switch) else { continue };
        if on && !may_be_on || !on && !may_be_off {
            let line = turns.iter().filter_map(|turn| turn.answered).max().unwrap_or_default();
            let now = if on { "on" } else { "off" };
            report.add(Invariant::ActsKept, line, || format!("{switch:?} is {now} at the end, after {turns:?}"));
        }
    }
    for (switch, turns) in &turns {
        if let Switch::Block(by, blocked) = switch {
            nothing_is_said(facts, (by, blocked), turns, report);
        }
    }
}

/// Whether something may be off, and on, in the end that was turned so: asked, answered, to what. The last one is one
/// after whose answer no other was asked for that turned it back.
pub(super) fn ends(turns: impl Iterator<Item = (usize, Option<usize>, bool)> + Clone) -> (bool, bool) {
    let acknowledged = turns.clone().any(|(_, answered, _)| answered.is_some());
    let may_be = |wanted: bool| {
        turns.clone().filter(|&(.., on)| on == wanted).any(|(_, answered, _)| {
            let end = answered.unwrap_or(usize::MAX);
            !turns.clone().any(|(invoked, answered, on)| on != wanted && answered.is_some() && invoked > end)
        })
    };
    // Before anybody turns it, it is off.
    (may_be(false) || !acknowledged, may_be(true))
}

/// Whether it is on when all is quiet; `None`: nobody looked.
fn is_on(facts: &Facts, truth: &Truth, switch: &Switch) -> Option<bool> {
    let listed = |of: &String| facts.on_at_quiet.get(of).map(|on| on.contains(switch));
    match switch {
        Switch::Member(group, user) => truth.log(group).map(|log| log.has_member(user)),
        Switch::Block(by, _) => listed(by),
        Switch::Link(group, _) => listed(group),
    }
}

/// While a block certainly stands, neither of the two says anything to the other.
fn nothing_is_said(facts: &Facts, (by, blocked): (&String, &String), turns: &[&Turn], report: &mut Report) {
    let pair = facts.pairs.iter().find(|(_, people)| people.contains(by) && people.contains(blocked));
    let Some((conversation, _)) = pair else { return };
    let stands = |from: usize, to: usize| {
        turns.iter().filter(|turn| turn.on).any(|block| {
            let ended = |turn: &&&Turn| {
                !turn.on && turn.invoked < to && turn.answered.is_none_or(|answered| answered > block.invoked)
            };
            block.answered.is_some_and(|answered| answered < from) && !turns.iter().any(|turn| ended(&turn))
        })
    };
    let mut said = |line: usize, invoked: usize, what: String| {
        if stands(invoked, line) {
            report.add(Invariant::BlockHolds, line, || {
                format!("{conversation}: {by} blocks {blocked}, and {what} was acknowledged")
            });
        }
    };
    for attempt in facts.attempts.iter().filter(|attempt| attempt.key.0 == *conversation) {
        if let Some(ack) = attempt.ack().filter(|ack| !ack.dup) {
            said(ack.line, attempt.invoked, format!("message {}", ack.seq));
        }
    }
    for attempt in facts.tries.iter().filter(|attempt| attempt.place.0 == *conversation) {
        let speaks = attempt.wish != super::facts::Wish::Recall;
        if let Some((.., line)) = attempt.done().filter(|_| speaks) {
            said(line, attempt.invoked, format!("{:?} of {}", attempt.wish, attempt.place.1));
        }
    }
}
