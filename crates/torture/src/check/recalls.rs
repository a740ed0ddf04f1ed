//! Recalled words: a second after the recall was acknowledged the server does not say them any more, in whatever answer
//! or push.

use std::collections::HashMap;

use super::{
    Invariant, Report,
    facts::{Facts, Place, TryOutcome, Wish},
    truth::Truth,
};

/// By when recalled words are gone, in nanoseconds.
const BOUND: u64 = 1_000_000_000;

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    let words = all_words(facts, truth);
    for attempt in facts.tries.iter().filter(|attempt| attempt.wish == Wish::Recall) {
        let Some(TryOutcome::Done { line, at, .. }) = attempt.outcome else { continue };
        for words in words.get(&attempt.place).into_iter().flatten() {
            // When they cannot have been said yet is known: what was on the way before does not count.
            if let Some(&(said, heard)) = facts.heard.get(*words).filter(|(said, _)| *said > at + BOUND) {
                report.add(Invariant::RecallGone, heard, || {
                    format!(
                        "{} {} was recalled (line {line}), and {} ms later the server still said {words:?}",
                        attempt.place.0,
                        attempt.place.1,
                        (said - at) / 1_000_000
                    )
                });
            }
        }
    }
}

/// All that messages ever said: as they were sent, and by each edit that may have happened.
fn all_words<'f>(facts: &'f Facts, truth: &Truth) -> HashMap<Place, Vec<&'f str>> {
    let mut places = HashMap::new();
    for (conversation, log) in &truth.logs {
        for (&seq, seen) in log.entries.iter().filter(|(_, seen)| seen.content.is_message()) {
            places.insert((&**conversation, &*seen.sender, &*seen.cmid), seq);
        }
    }
    let mut words: HashMap<Place, Vec<&str>> = HashMap::new();
    for attempt in &facts.attempts {
        let (conversation, sender, cmid) = &attempt.key;
        if let (Some(&seq), Some(said)) = (places.get(&(&**conversation, &**sender, &**cmid)), attempt.content.words())
        {
            words.entry((conversation.clone(), seq)).or_default().push(said);
        }
    }
    for attempt in &facts.tries {
        if let Wish::Edit(content) = &attempt.wish
            && let Some(said) = content.words()
        {
            words.entry(attempt.place.clone()).or_default().push(said);
        }
    }
    words
}
