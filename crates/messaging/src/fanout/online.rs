//! Who is online, where, and in which conversations. Costs nothing for people who are away.

use std::collections::HashMap;

use anser_types::{ConversationId, UserId, plant::planted};

use crate::{effects::LinkId, membership::Stay};

/// One person's presence at one gateway, as a conversation knows it.
struct Seat {
    link: LinkId,
    user: UserId,
    /// Entries up to this position come from the log, later ones as hints.
    floor: i64,
    sees: Sees,
}

/// Which older entries somebody who is in a conversation may see.
#[derive(Clone, Debug, Default)]
pub struct Sees {
    /// Since this seq they are in it.
    from_seq: i64,
    /// Earlier stays; nearly always none.
    earlier: Box<[(i64, i64)]>,
}

impl Sees {
    /// Everything from `from_seq` on.
    pub fn from(from_seq: i64) -> Self {
        Self { from_seq, earlier: Box::default() }
    }

    /// What these stays show, of which the last is open.
    pub fn of(stays: &[Stay]) -> Self {
        let from_seq = stays.last().map_or(i64::MAX, |stay| stay.from_seq);
        Self { from_seq, earlier: stays.iter().filter_map(|stay| Some((stay.from_seq, stay.to_seq?))).collect() }
    }

    fn shows(&self, seq: i64) -> bool {
        seq >= self.from_seq || self.earlier.iter().any(|&(from, to)| (from..=to).contains(&seq))
    }
}

/// The people at one gateway who get an entry.
#[derive(Default)]
pub struct Recipients {
    /// Who may see what it changed, or those who get it where it changed nothing.
    pub full: Vec<Vec<u8>>,
    /// Who may not.
    pub bare: Vec<Vec<u8>>,
}

/// The index of who is online.
#[derive(Default)]
pub struct Online {
    seats: HashMap<ConversationId, Vec<Seat>>,
    people: HashMap<UserId, Vec<Person>>,
}

/// What is known of one person at one gateway.
struct Person {
    link: LinkId,
    floor: i64,
    conversations: Vec<ConversationId>,
}

impl Online {
    /// Seats `user` at `link` in `conversations`; entries after `floor` are for them. Answers whether they were nowhere
    /// before.
    pub fn attach(
        &mut self,
        link: LinkId,
        user: UserId,
        floor: i64,
        conversations: Vec<(ConversationId, Sees)>,
    ) -> bool {
        let came = !self.has(user);
        self.detach(link, user);
        let seat = |(conversation, sees): (ConversationId, Sees)| {
            self.seats.entry(conversation).or_default().push(Seat { link, user, floor, sees });
            conversation
        };
        let conversations = conversations.into_iter().map(seat).collect();
        // Nearly everybody is at one gateway, and a vector that grows by itself begins with four places.
        let people = self.people.entry(user).or_insert_with(|| Vec::with_capacity(1));
        people.push(Person { link, floor, conversations });
        came
    }

    /// Unseats `user` at `link`. Answers whether they were there and are nowhere now.
    pub fn detach(&mut self, link: LinkId, user: UserId) -> bool {
        let Some(people) = self.people.get_mut(&user) else { return false };
        let Some(index) = people.iter().position(|person| person.link == link) else { return false };
        let person = people.swap_remove(index);
        let went = people.is_empty();
        if went {
            self.people.remove(&user);
        }
        for conversation in person.conversations {
            self.unseat(conversation, |seat| seat.link == link && seat.user == user);
        }
        went
    }

    /// Whether `user` is at a gateway.
    pub fn has(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
    }

    /// Everybody who is at a gateway.
    pub fn everybody(&self) -> impl Iterator<Item = UserId> + '_ {
        self.people.keys().copied()
    }

    /// `user` came into `conversation`: a seat at each gateway they are at. Answers those gateways.
    pub fn join(&mut self, conversation: ConversationId, user: UserId, sees: &Sees) -> Vec<LinkId> {
        let Some(people) = self.people.get_mut(&user) else { return Vec::new() };
        let seats = self.seats.entry(conversation).or_default();
        for person in people.iter_mut() {
            if !person.conversations.contains(&conversation) {
                person.conversations.push(conversation);
                seats.push(Seat { link: person.link, user, floor: person.floor, sees: sees.clone() });
            }
        }
        people.iter().map(|person| person.link).collect()
    }

    /// `user` went out of `conversation`.
    pub fn leave(&mut self, conversation: ConversationId, user: UserId) {
        let Some(people) = self.people.get_mut(&user) else { return };
        for person in people.iter_mut() {
            person.conversations.retain(|known| *known != conversation);
        }
        self.unseat(conversation, |seat| seat.user == user);
    }

    /// The gateways that an entry of `conversation` at `position` goes to, and the people there. `target`: the seq of what
    /// it changed.
    pub fn recipients(
        &self,
        conversation: ConversationId,
        position: i64,
        target: Option<i64>,
    ) -> HashMap<LinkId, Recipients> {
        let mut links: HashMap<LinkId, Recipients> = HashMap::new();
        for seat in self.seats.get(&conversation).into_iter().flatten() {
            if position > seat.floor {
                let at_link = links.entry(seat.link).or_default();
                let full = target.is_none_or(|seq| seat.sees.shows(seq)) || planted("target_to_outsider");
                if full { &mut at_link.full } else { &mut at_link.bare }.push(seat.user.to_vec());
            }
        }
        links
    }

    /// The gateways `user` is at.
    pub fn links_of(&self, user: UserId) -> impl Iterator<Item = LinkId> + '_ {
        self.people.get(&user).into_iter().flatten().map(|person| person.link)
    }

    /// Unseats everybody at `link`. Answers who is nowhere now.
    pub fn drop_link(&mut self, link: LinkId) -> Vec<UserId> {
        let at_link = |(user, people): (&UserId, &Vec<Person>)| people.iter().any(|p| p.link == link).then_some(*user);
        let mut users: Vec<UserId> = self.people.iter().filter_map(at_link).collect();
        users.retain(|user| self.detach(link, *user));
        users
    }

    fn unseat(&mut self, conversation: ConversationId, which: impl Fn(&Seat) -> bool) {
        if let Some(seats) = self.seats.get_mut(&conversation) {
            seats.retain(|seat| !which(seat));
            if seats.is_empty() {
                self.seats.remove(&conversation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId([1; 16]);
    const BOB: UserId = UserId([2; 16]);
    const ROOM: ConversationId = ConversationId([9; 16]);

    #[test]
    fn who_left_gets_nothing_and_who_is_away_costs_nothing() {
        let mut online = Online::default();
        online.attach(1, ALICE, 5, vec![(ROOM, Sees::from(1))]);
        online.attach(1, BOB, 9, vec![(ROOM, Sees::from(4))]);
        assert_eq!(online.recipients(ROOM, 7, None)[&1].full, [ALICE.to_vec()]);
        assert_eq!(online.recipients(ROOM, 10, None)[&1].full.len(), 2);
        let change = &online.recipients(ROOM, 10, Some(3))[&1];
        assert_eq!((&change.full[..], &change.bare[..]), (&[ALICE.to_vec()][..], &[BOB.to_vec()][..]));
        online.leave(ROOM, ALICE);
        assert_eq!(online.recipients(ROOM, 11, None)[&1].full, [BOB.to_vec()]);
        online.detach(1, BOB);
        assert!(online.recipients(ROOM, 12, None).is_empty());
        assert!(online.seats.is_empty());
    }

    #[test]
    fn somebody_online_who_joins_is_seated_at_every_gateway() {
        let mut online = Online::default();
        assert!(online.attach(1, ALICE, 0, Vec::new()), "they came");
        assert!(!online.attach(2, ALICE, 0, Vec::new()) && !online.attach(2, ALICE, 0, Vec::new()), "once");
        assert_eq!(online.join(ROOM, ALICE, &Sees::from(1)), [1, 2]);
        assert_eq!(online.recipients(ROOM, 1, None).len(), 2);
        assert!(online.drop_link(1).is_empty(), "they are still somewhere");
        assert_eq!(online.recipients(ROOM, 1, None).keys().copied().collect::<Vec<_>>(), [2]);
        assert!(online.detach(2, ALICE) && !online.detach(2, ALICE), "they went, once");
    }
}
