//! Files and search: whoever may read a message gets what it holds, and finds it by its words; nobody else does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Invariant, Report,
    facts::{Facts, Place},
    fetching::{Download, Search},
    truth::Truth,
};
use crate::wire::Content;

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    files_are_kept(facts, truth, report);
    search_is_exact(facts, truth, report);
}

/// The messages that ever held each file, and whether they hold it when all is quiet.
type Holders<'f> = HashMap<&'f str, BTreeMap<Place, bool>>;

fn holders<'f>(facts: &'f Facts, truth: &Truth) -> Holders<'f> {
    let mut holders: Holders<'f> = HashMap::new();
    for sighting in &facts.sightings {
        if let Ok(seen) = &sighting.seen
            && let Content::File(file, _) = &seen.content
        {
            let place = (sighting.conversation.clone(), sighting.seq);
            let last = truth.message(&place).map(|last| &last.content);
            let still = matches!(last, Some(Content::File(..)));
            holders.entry(file).or_default().insert(place, still);
        }
    }
    holders
}

fn files_are_kept(facts: &Facts, truth: &Truth, report: &mut Report) {
    let holders = holders(facts, truth);
    for download in &facts.downloads {
        let Download { user, file, content, line, quiet } = download;
        // One whose sending nobody answered is nobody's to judge.
        let Some(upload) = facts.uploads.get(file) else { continue };
        if content.as_ref().is_some_and(|content| *content != upload.content) {
            report.add(Invariant::FilesKept, *line, || format!("{user} got other bytes of {file} than were sent"));
            continue;
        }
        let held = || holders.get(&**file).into_iter().flatten();
        let now = |wanted: Option<bool>| held().any(|(place, still)| *still && may_see(truth, user, place) == wanted);
        let surely = upload.owner == *user || now(Some(true));
        let perhaps = surely || now(None) || !quiet && held().any(|(place, _)| was_visible(truth, user, place));
        let right = match content {
            Some(_) => perhaps,
            None => !quiet || !surely,
        };
        if !right {
            let got = if content.is_some() { "got" } else { "did not get" };
            let places: Vec<_> = held().collect();
            report.add(Invariant::FilesKept, *line, || format!("{user} {got} {file}, which is held by {places:?}"));
        }
    }
}

/// How recordings begin.
const RECORDING: &str = "#!AMR";

fn search_is_exact(facts: &Facts, truth: &Truth, report: &mut Report) {
    let places = words(facts, truth);
    for search in &facts.searches {
        let Search { user, word, found, degraded, invoked, line, quiet } = search;
        let all: BTreeSet<&Place> = places.get(&**word).into_iter().flatten().collect();
        let mut told = BTreeSet::new();
        for place in found {
            let known = truth.message(place).is_some() && was_visible(truth, user, place);
            let hidden = truth.deleted.surely(user, &place.0, place.1, *invoked);
            let wrong = *quiet && (!all.contains(place) || may_see(truth, user, place) == Some(false));
            if !known || hidden || wrong || !told.insert(place) {
                report.add(Invariant::SearchExact, *line, || {
                    format!("{user} looked for {word} and found {} {}, which is not theirs to find", place.0, place.1)
                });
            }
        }
        let missing = all.into_iter().find(|place| !told.contains(place) && may_see(truth, user, place) == Some(true));
        if let Some(place) = missing.filter(|_| *quiet && !degraded) {
            report.add(Invariant::SearchExact, *line, || {
                format!("{user} looked for {word} and did not find {} {}", place.0, place.1)
            });
        }
    }
}

/// Where each word stands when all is quiet: in what was said, and in the names of files.
fn words<'f>(facts: &'f Facts, truth: &'f Truth) -> HashMap<&'f str, BTreeSet<Place>> {
    let mut places: HashMap<&str, BTreeSet<Place>> = HashMap::new();
    for (conversation, log) in &truth.logs {
        for (&seq, seen) in &log.entries {
            let (said, file) = match &seen.content {
                Content::Text(text, _) => (&**text, None),
                Content::File(file, caption) => (&**caption, facts.uploads.get(file)),
                _ => continue,
            };
            // What a recording is called was said by nobody, and is not searched.
            let named = file.filter(|file| !file.content.starts_with(RECORDING));
            let name = named.and_then(|file| file.name.split('.').next());
            for word in said.split_whitespace().chain(name) {
                places.entry(word).or_default().insert((conversation.clone(), seq));
            }
        }
    }
    places
}

/// Whether somebody may see a message when all is quiet; `None`: nobody knows whether they deleted it for themselves.
fn may_see(truth: &Truth, user: &str, (conversation, seq): &Place) -> Option<bool> {
    let visible = truth.log(conversation).is_some_and(|log| log.visible(user, *seq));
    if !visible || truth.deleted.surely(user, conversation, *seq, usize::MAX) {
        return Some(false);
    }
    (!truth.deleted.perhaps(user, conversation, *seq, usize::MAX)).then_some(true)
}

/// Whether somebody may have seen a message at some time.
fn was_visible(truth: &Truth, user: &str, (conversation, seq): &Place) -> bool {
    truth.log(conversation).is_some_and(|log| log.visible(user, *seq) || log.visible_at(user, *seq, *seq))
}
