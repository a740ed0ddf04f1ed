//! What connections and devices received: nothing they may not have, in order, without gaps, and in the end all of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant, Report,
    facts::{Connection, Facts, Told},
    truth::Truth,
};

pub(super) fn check(facts: &Facts, truth: &Truth, report: &mut Report) {
    for sighting in &facts.sightings {
        let user = facts.user_of(sighting.conn);
        let known = truth.log(&sighting.conversation).is_some_and(|log| log.entries.contains_key(&sighting.seq));
        // What somebody deleted for themselves may still be on the way to them.
        let visible = truth.log(&sighting.conversation).is_some_and(|log| log.visible(user, sighting.seq));
        if known && !visible {
            report.add(Invariant::Entitlement, sighting.line, || {
                format!("{user} received {} {}, which is outside their membership", sighting.conversation, sighting.seq)
            });
        }
    }
    connections_are_gapless(facts, truth, report);
    devices_converge(facts, truth, report);
}

/// How far a connection knows one conversation.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The last entry pushed on this connection.
    pushed: Option<i64>,
    /// What this connection heard from a sync: everything after it must be pushed.
    synced: Option<i64>,
    /// What the connection before it knew, if this one goes on from there.
    carried: Option<i64>,
}

impl Place {
    /// From where the next push must go on, and the promise that says so.
    fn base(self) -> Option<(i64, Invariant)> {
        let own = self.pushed.max(self.synced).map(|seq| (seq, Invariant::ConnectionOrder));
        let carried = self.carried.map(|seq| (seq, Invariant::ResumeComplete));
        if self.pushed.is_some() { own } else { carried.into_iter().chain(own).max_by_key(|&(seq, _)| seq) }
    }
}

fn connections_are_gapless(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut ends: HashMap<u64, HashMap<&str, Place>> = HashMap::new();
    let in_order: BTreeMap<u64, &Connection> = facts.connections.iter().map(|(number, conn)| (*number, conn)).collect();
    for (number, connection) in in_order {
        let before = connection.previous.and_then(|previous| ends.remove(&previous)).unwrap_or_default();
        let end = follow(connection, before, truth, report);
        ends.insert(number, end);
    }
}

fn follow<'a>(
    connection: &'a Connection,
    before: HashMap<&'a str, Place>,
    truth: &Truth,
    report: &mut Report,
) -> HashMap<&'a str, Place> {
    let mut before = Some(before);
    let mut places: HashMap<&str, Place> = HashMap::new();
    for (line, told) in &connection.told {
        match told {
            Told::Welcome { resumed: true } => {
                let carried = before.take().into_iter().flatten();
                places = carried
                    .map(|(name, place)| (name, place.pushed.max(place.synced).max(place.carried)))
                    .map(|(name, carried)| (name, Place { carried, ..Place::default() }))
                    .collect();
            }
            Told::Welcome { resumed: false } => {}
            Told::SyncRequired => places.clear(),
            Told::Joined(conversation) => drop(places.remove(&**conversation)),
            Told::SyncedTo(conversation, head) => {
                let place = places.entry(conversation).or_default();
                place.synced = place.synced.max(Some(*head));
            }
            Told::Entry { conversation, seq } => {
                let place = places.entry(conversation).or_default();
                arrived(connection, conversation, *seq, *place, *line, truth, report);
                place.pushed = place.pushed.max(Some(*seq));
            }
            Told::Read(_) => {}
        }
    }
    // A connection that never came to stand leaves the device where it was.
    match before {
        Some(before) if connection.told.is_empty() => before,
        _ => places,
    }
}

fn arrived(
    connection: &Connection,
    conversation: &str,
    seq: i64,
    place: Place,
    line: usize,
    truth: &Truth,
    report: &mut Report,
) {
    let user = &connection.user;
    if let Some(pushed) = place.pushed.filter(|pushed| *pushed >= seq) {
        report.add(Invariant::ConnectionOrder, line, || {
            format!("{conversation}: {user} was pushed {seq} after {pushed}")
        });
    } else if let Some((base, invariant)) = place.base()
        && let Some(missing) = truth.log(conversation).and_then(|log| {
            let mut between = log.visible_within(user, base + 1, seq - 1, seq);
            between.find(|between| !truth.deleted.perhaps(user, conversation, *between, line))
        })
    {
        report.add(invariant, line, || {
            format!("{conversation}: {user} was pushed {seq} after {base}, without {missing} and without a word")
        });
    }
}

fn devices_converge(facts: &Facts, truth: &Truth, report: &mut Report) {
    let mut held: HashMap<&str, HashMap<&str, HashSet<i64>>> = HashMap::new();
    for sighting in facts.sightings.iter().filter(|sighting| sighting.before_quiet && !sighting.beside) {
        if let Some(connection) = facts.connections.get(&sighting.conn) {
            let device = held.entry(&connection.device).or_default();
            device.entry(&sighting.conversation).or_default().insert(sighting.seq);
        }
    }
    let nothing = HashSet::new();
    for connection in facts.connections.values().filter(|connection| connection.open_at_quiet) {
        let (user, device) = (&connection.user, &connection.device);
        for (conversation, log) in &truth.logs {
            let held = held.get(&**device).and_then(|device| device.get(&**conversation)).unwrap_or(&nothing);
            let there = |seq: i64| held.contains(&seq) || truth.deleted.perhaps(user, conversation, seq, usize::MAX);
            let missing: Vec<i64> =
                log.visible_within(user, 1, log.head(), i64::MAX).filter(|seq| !there(*seq)).collect();
            if let Some(first) = missing.first() {
                report.add(Invariant::DeviceConverges, 0, || {
                    format!(
                        "{conversation}: device {device} of {user} lacks {} entries, the first is {first}",
                        missing.len()
                    )
                });
            }
        }
    }
}
