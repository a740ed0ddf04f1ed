//! Watches by themselves: who is told what, and what ends them.

use anser_types::SessionId;

use super::*;
use crate::{frames::Encoding, meters::Meters, options::GatewayOptions, ws::pacer::Pacer};

const ALICE: UserId = UserId([1; 16]);
const BOB: UserId = UserId([2; 16]);
const CAROL: UserId = UserId([3; 16]);

/// A table with everything that it needs.
struct Desktop {
    watches: Watches,
    intake: Intake,
    options: GatewayOptions,
    pacer: Pacer,
    meters: Meters,
}

impl Desktop {
    fn new() -> Self {
        let (intake, options, pacer, meters) =
            (Intake::new(), GatewayOptions::default(), Pacer::default(), Meters::new());
        Self { watches: Watches::default(), intake, options, pacer, meters }
    }

    fn desk(&self) -> Desk<'_> {
        Desk { now_ms: 1_000, options: &self.options, pacer: &self.pacer, meters: &self.meters }
    }

    /// A socket that is through with its greeting.
    fn socket(&self, number: u32, user: UserId) -> Arc<Socket> {
        let socket = Socket::new(number, user, SessionId([9; 16]), Encoding::Proto, 0);
        socket.let_go();
        socket
    }

    fn watch(&self, socket: &Arc<Socket>, people: &[(UserId, bool)]) {
        let asked = self.watches.ask(socket, &ids(people)).unwrap();
        asked.watch(states(people), &self.intake, 0, &self.desk());
    }

    fn tell(&self, people: &[(UserId, bool)]) {
        self.watches.tell(states(people), 0, &self.desk());
    }

    fn left(&self) -> (usize, usize) {
        let table = self.watches.0.lock();
        assert_eq!(
            table.people.values().map(|person| person.by.len()).sum::<usize>(),
            table.sockets.values().map(Vec::len).sum::<usize>()
        );
        (table.people.len(), table.watches)
    }
}

fn ids(people: &[(UserId, bool)]) -> Vec<Vec<u8>> {
    people.iter().map(|(user, _)| user.to_vec()).collect()
}

fn states(people: &[(UserId, bool)]) -> Vec<Presence> {
    people.iter().map(|&(user, online)| Presence { user_id: user.to_vec(), online, last_seen_at: 0 }).collect()
}

#[test]
fn a_change_is_pushed_to_those_who_watch_and_the_same_again_is_not() {
    let at = Desktop::new();
    let (alices, carols) = (at.socket(1, ALICE), at.socket(2, CAROL));
    at.watch(&alices, &[(BOB, false)]);
    at.tell(&[(BOB, false), (CAROL, true)]);
    assert_eq!(alices.waiting(), 0);
    at.tell(&[(BOB, true)]);
    at.tell(&[(BOB, true)]);
    assert_eq!((alices.waiting(), carols.waiting()), (1, 0));

    // Contact had looked before messaging told: who watches now is told what is known.
    at.watch(&carols, &[(BOB, false)]);
    assert_eq!(carols.waiting(), 1);
    at.tell(&[(BOB, false)]);
    assert_eq!((alices.waiting(), carols.waiting()), (2, 2));
}

#[test]
fn a_new_list_replaces_the_one_before_and_a_socket_that_goes_takes_it_along() {
    let at = Desktop::new();
    let alices = at.socket(1, ALICE);
    at.watch(&alices, &[(BOB, false), (CAROL, false)]);
    assert_eq!(at.left(), (2, 2));
    at.watch(&alices, &[(CAROL, false)]);
    at.tell(&[(BOB, true), (CAROL, true)]);
    assert_eq!((alices.waiting(), at.left()), (1, (1, 1)));
    let asked = at.watches.ask(&alices, &ids(&[(BOB, false)])).unwrap();
    assert_eq!(at.left(), (1, 2), "a question counts");
    drop(asked);
    assert_eq!(at.left(), (1, 1), "until it is forgotten");
    at.watches.leave(&alices, &at.intake);
    assert_eq!(at.left(), (0, 0));
}

#[test]
fn whose_right_ends_is_told_nothing_more_even_while_the_question_is_open() {
    let at = Desktop::new();
    let (alices, carols) = (at.socket(1, ALICE), at.socket(2, CAROL));
    at.watch(&alices, &[(BOB, false)]);
    at.watch(&carols, &[(BOB, false)]);
    at.watches.end(ALICE, BOB, &at.intake);
    at.tell(&[(BOB, true)]);
    assert_eq!((alices.waiting(), carols.waiting()), (0, 1));
    at.watches.hide(BOB, &at.intake);
    at.tell(&[(BOB, false)]);
    assert_eq!((carols.waiting(), at.left()), (1, (0, 0)));

    let asked = at.watches.ask(&alices, &ids(&[(BOB, false), (CAROL, false)])).unwrap();
    at.watches.end(ALICE, BOB, &at.intake);
    asked.watch(states(&[(BOB, false), (CAROL, false)]), &at.intake, 0, &at.desk());
    at.tell(&[(BOB, true), (CAROL, true)]);
    assert_eq!((alices.waiting(), at.left()), (1, (1, 1)));
    at.watches.clear(&at.intake);
    assert_eq!(at.left(), (0, 0));
}

#[test]
fn the_last_question_counts_and_a_closing_socket_watches_nobody() {
    let at = Desktop::new();
    let alices = at.socket(1, ALICE);
    let first = at.watches.ask(&alices, &ids(&[(BOB, false)])).unwrap();
    let second = at.watches.ask(&alices, &ids(&[(CAROL, false)])).unwrap();
    first.watch(states(&[(BOB, false)]), &at.intake, 0, &at.desk());
    second.watch(states(&[(CAROL, false)]), &at.intake, 0, &at.desk());
    at.tell(&[(BOB, true), (CAROL, true)]);
    assert_eq!((alices.waiting(), at.left()), (1, (1, 1)));

    let last = at.watches.ask(&alices, &ids(&[(BOB, false)])).unwrap();
    alices.close(crate::ws::close::Close::NORMAL, 0);
    at.watches.leave(&alices, &at.intake);
    last.watch(states(&[(BOB, false)]), &at.intake, 0, &at.desk());
    assert_eq!(at.left(), (0, 0));
    assert!(at.watches.ask(&alices, &vec![vec![7; 16]; MOST + 1]).is_err());
    assert!(at.watches.ask(&alices, &[vec![7; 3]]).is_err());
}
