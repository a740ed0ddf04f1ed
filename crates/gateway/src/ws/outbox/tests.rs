//! The outbox by itself: windows, low-water marks, replays, bounds.

use anser_contract::v1::{Entry, ReadMoved, event};

use super::*;
use crate::{meters::Meters, ws::pacer::Pacer};

const ROOM: ConversationId = ConversationId([1; 16]);
const OTHER: ConversationId = ConversationId([2; 16]);

fn entries(conversation: ConversationId, first: i64, last: i64) -> Arc<Block> {
    let entry = |seq| Entry { conversation_id: conversation.to_vec(), seq, ..Entry::default() };
    let events = (first..=last).map(|seq| event::Event::Entry(entry(seq)).into()).collect();
    Arc::new(Block::new(events, About::Entries { conversation, first, last }))
}

fn read(seq: i64) -> Arc<Block> {
    Arc::new(Block::one(event::Event::Read(ReadMoved::default()), About::Read { conversation: ROOM, seq }))
}

/// What is queued, as conversation's first byte and seqs; read cursors as zero and where they stand.
fn queued(outbox: &Outbox) -> Vec<(u8, i64, i64)> {
    let about = |queued: &Queued| match queued.block.about() {
        About::Entries { conversation, first, last } => (conversation.0[0], first, last),
        About::Read { seq, .. } => (0, seq, seq),
        _ => (9, 0, 0),
    };
    outbox.events.iter().map(about).collect()
}

fn with_desk<T>(options: &GatewayOptions, act: impl FnOnce(&Desk<'_>) -> T) -> T {
    let (pacer, meters) = (Pacer::default(), Meters::new());
    act(&Desk { now_ms: 1_000, options, pacer: &pacer, meters: &meters })
}

#[test]
fn the_low_water_mark_never_passes_what_still_waits() {
    let mut outbox = Outbox::new(0);
    assert_eq!(outbox.low_water(70), 70);
    outbox.queue(Queued { block: entries(ROOM, 1, 1), low_water: 40 });
    outbox.queue(Queued { block: entries(ROOM, 2, 2), low_water: 50 });
    assert_eq!(outbox.low_water(70), 40);
    outbox.dequeue();
    assert_eq!(outbox.low_water(70), 50);
    outbox.dequeue();
    assert_eq!(outbox.low_water(70), 70);
    outbox.floor = 90;
    assert_eq!(outbox.low_water(70), 90);
}

#[test]
fn what_was_replayed_does_not_come_again_from_the_stream() {
    let mut outbox = Outbox::new(0);
    outbox.queue(Queued { block: entries(ROOM, 4, 6), low_water: 30 });
    outbox.queue(Queued { block: entries(OTHER, 1, 1), low_water: 31 });
    outbox.queue(Queued { block: read(3), low_water: 32 });
    let blocks = vec![entries(ROOM, 2, 5), read(4)];
    outbox.replay(Replay { after: 10, through: 40, blocks });
    assert_eq!(queued(&outbox), [(1, 2, 5), (0, 4, 4), (1, 6, 6), (2, 1, 1)]);
    let marks: Vec<i64> = outbox.events.iter().map(|queued| queued.low_water).collect();
    assert_eq!(marks, [10, 10, 40, 40]);

    // The stream may be behind what was read from the log.
    assert!(outbox.unseen(&entries(ROOM, 5, 5), 38).is_none());
    assert!(outbox.unseen(&read(4), 38).is_none());
    assert!(outbox.unseen(&read(5), 38).is_some());
    assert!(outbox.unseen(&entries(ROOM, 7, 7), 39).is_some());
    assert!(outbox.unseen(&entries(ROOM, 5, 5), 40).is_some(), "beyond it everything is new");
}

#[test]
fn cursors_are_folded_before_anything_is_left_out() {
    let options = GatewayOptions { queued_events: 4, ..GatewayOptions::default() };
    let mut outbox = Outbox { stalled: true, holding: false, ..Outbox::new(0) };
    outbox.queue(Queued { block: entries(ROOM, 1, 2), low_water: 0 });
    for seq in 1..=3 {
        outbox.queue(Queued { block: read(seq), low_water: 0 });
    }
    with_desk(&options, |desk| outbox.bound(desk));
    assert_eq!(queued(&outbox), [(1, 1, 2), (0, 3, 3)]);

    outbox.queue(Queued { block: entries(ROOM, 3, 4), low_water: 0 });
    with_desk(&options, |desk| outbox.bound(desk));
    assert!(outbox.events.is_empty());
    assert_eq!(outbox.overflowed_at, Some(1_000));
    assert!(matches!(outbox.controls.front(), Some(Control::SyncRequired(_))));

    outbox.queue(Queued { block: entries(ROOM, 5, 9), low_water: 0 });
    with_desk(&options, |desk| outbox.bound(desk));
    assert_eq!(outbox.controls.len(), 1, "one notice stands for all that was left out");
}

#[test]
fn a_hundred_pings_at_once_and_then_as_many_as_the_rate_allows() {
    let mut outbox = Outbox::new(0);
    assert!((0..100).all(|_| outbox.pinged_in_peace(5_000, 10)));
    assert!(!outbox.pinged_in_peace(5_000, 10));
    let mut outbox = Outbox::new(0);
    assert!((0..1_000).all(|second| (0..10).all(|_| outbox.pinged_in_peace(second * 1_000, 10))));
}

#[test]
fn a_client_that_is_behind_or_new_gets_nothing_that_can_be_left_out() {
    let options = GatewayOptions { queued_events: 10, ..GatewayOptions::default() };
    let mut outbox = Outbox { holding: false, ..Outbox::new(0) };
    outbox.queue(Queued { block: entries(ROOM, 1, 5), low_water: 0 });
    assert!(!outbox.sheds(&options), "half of the room is taken, and no more");
    outbox.queue(Queued { block: entries(ROOM, 6, 6), low_water: 0 });
    assert!(outbox.sheds(&options));
    assert!(Outbox::new(0).sheds(&options), "what it missed comes first");
    let stalled = Outbox { holding: false, stalled: true, ..Outbox::new(0) };
    assert!(stalled.sheds(&options));
}
