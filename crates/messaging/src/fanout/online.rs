//! Who is online, where, and in which conversations. Costs nothing for people who are away.

use std::collections::HashMap;

use anser_types::{ConversationId, UserId};

use crate::effects::LinkId;

/// One person's presence at one gateway, as a conversation knows it.
#[derive(Clone, Copy)]
struct Seat {
    link: LinkId,
    user: UserId,
    /// Entries up to this position come from the log, later ones as hints.
    floor: i64,
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
    /// Seats `user` at `link` in `conversations`; entries after `floor` are for them.
    pub fn attach(&mut self, link: LinkId, user: UserId, floor: i64, conversations: Vec<ConversationId>) {
        self.detach(link, user);
        for conversation in &conversations {
            self.seats.entry(*conversation).or_default().push(Seat { link, user, floor });
        }
        self.people.entry(user).or_default().push(Person { link, floor, conversations });
    }

    /// Unseats `user` at `link`.
    pub fn detach(&mut self, link: LinkId, user: UserId) {
        let Some(people) = self.people.get_mut(&user) else { return };
        if let Some(index) = people.iter().position(|person| person.link == link) {
            let person = people.swap_remove(index);
            if people.is_empty() {
                self.people.remove(&user);
            }
            for conversation in person.conversations {
                self.unseat(conversation, |seat| seat.link == link && seat.user == user);
            }
        }
    }

    /// `user` came into `conversation`: a seat at each gateway they are at. Answers those gateways.
    pub fn join(&mut self, conversation: ConversationId, user: UserId) -> Vec<LinkId> {
        let Some(people) = self.people.get_mut(&user) else { return Vec::new() };
        let seats = self.seats.entry(conversation).or_default();
        for person in people.iter_mut() {
            if !person.conversations.contains(&conversation) {
                person.conversations.push(conversation);
                seats.push(Seat { link: person.link, user, floor: person.floor });
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

    /// The gateways that an entry of `conversation` at `position` goes to, and the people there.
    pub fn recipients(&self, conversation: ConversationId, position: i64) -> HashMap<LinkId, Vec<Vec<u8>>> {
        let mut links: HashMap<LinkId, Vec<Vec<u8>>> = HashMap::new();
        for seat in self.seats.get(&conversation).into_iter().flatten() {
            if position > seat.floor {
                links.entry(seat.link).or_default().push(seat.user.to_vec());
            }
        }
        links
    }

    /// The gateways `user` is at.
    pub fn links_of(&self, user: UserId) -> impl Iterator<Item = LinkId> + '_ {
        self.people.get(&user).into_iter().flatten().map(|person| person.link)
    }

    /// Unseats everybody at `link`.
    pub fn drop_link(&mut self, link: LinkId) {
        let at_link = |(user, people): (&UserId, &Vec<Person>)| people.iter().any(|p| p.link == link).then_some(*user);
        let users: Vec<UserId> = self.people.iter().filter_map(at_link).collect();
        for user in users {
            self.detach(link, user);
        }
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
        online.attach(1, ALICE, 5, vec![ROOM]);
        online.attach(1, BOB, 9, vec![ROOM]);
        assert_eq!(online.recipients(ROOM, 7)[&1], [ALICE.to_vec()]);
        assert_eq!(online.recipients(ROOM, 10)[&1].len(), 2);
        online.leave(ROOM, ALICE);
        assert_eq!(online.recipients(ROOM, 11)[&1], [BOB.to_vec()]);
        online.detach(1, BOB);
        assert!(online.recipients(ROOM, 12).is_empty());
        assert!(online.seats.is_empty());
    }

    #[test]
    fn somebody_online_who_joins_is_seated_at_every_gateway() {
        let mut online = Online::default();
        online.attach(1, ALICE, 0, Vec::new());
        online.attach(2, ALICE, 0, Vec::new());
        assert_eq!(online.join(ROOM, ALICE), [1, 2]);
        assert_eq!(online.recipients(ROOM, 1).len(), 2);
        online.drop_link(1);
        assert_eq!(online.recipients(ROOM, 1).keys().copied().collect::<Vec<_>>(), [2]);
    }
}
