//! Who sees what of a group, however people come and go: random histories against a model that keeps, for each
//! person, nothing but the list of what they were shown.

use std::collections::{BTreeMap, BTreeSet};

use anser_contract::v1::{
    Conversations, HeadsRequest, ListConversationsRequest, Messages, MoveReadCursorRequest, Role,
};
use anser_types::{Code, ConversationId, UserId};
use proptest::prelude::*;

use crate::house::{House, acting, id, ids, person};

const PEOPLE: usize = 5;
const OWNER: usize = 0;

#[derive(Clone, Debug)]
enum Step {
    Befriend(usize, usize),
    Invite(usize, usize),
    Accept(usize),
    Decline(usize),
    Remove(usize, usize),
    Leave(usize),
    Role(usize, usize, bool),
    Send(usize),
    Read(usize, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let one = 0..PEOPLE;
    let two = (0..PEOPLE, 0..PEOPLE);
    prop_oneof![
        1 => two.clone().prop_map(|(a, b)| Step::Befriend(a, b)),
        4 => two.clone().prop_map(|(host, guest)| Step::Invite(host, guest)),
        3 => one.clone().prop_map(Step::Accept),
        1 => one.clone().prop_map(Step::Decline),
        3 => two.clone().prop_map(|(remover, target)| Step::Remove(remover, target)),
        2 => one.clone().prop_map(Step::Leave),
        2 => (two, any::<bool>()).prop_map(|((by, target), admin)| Step::Role(by, target, admin)),
        6 => one.clone().prop_map(Step::Send),
        2 => (one, 0..40i64).prop_map(|(user, seq)| Step::Read(user, seq)),
    ]
}

/// What should be so. An entry's seq is its place in `senders`, counted from 1; `None`: a notice.
#[derive(Default)]
struct Model {
    senders: Vec<Option<usize>>,
    /// What each person was shown.
    shown: [BTreeSet<i64>; PEOPLE],
    roles: BTreeMap<usize, Role>,
    /// Where the last stay of each began.
    joined_at: [i64; PEOPLE],
    read: [i64; PEOPLE],
    invited: BTreeSet<usize>,
    friends: BTreeSet<(usize, usize)>,
}

impl Model {
    fn head(&self) -> i64 {
        self.senders.len() as i64
    }

    /// An entry that everybody in the group sees.
    fn append(&mut self, sender: Option<usize>) -> i64 {
        self.senders.push(sender);
        for user in self.roles.keys() {
            self.shown[*user].insert(self.senders.len() as i64);
        }
        self.head()
    }

    fn join(&mut self, user: usize) {
        self.roles.insert(user, Role::Member);
        self.invited.remove(&user);
        self.joined_at[user] = self.append(None);
    }

    fn go(&mut self, user: usize) {
        self.append(None);
        self.roles.remove(&user);
    }

    /// How somebody who is not a member is refused.
    fn member(&self, user: usize) -> Result<Role, Code> {
        let otherwise = if self.shown[user].is_empty() { Code::NotFound } else { Code::Forbidden };
        self.roles.get(&user).copied().ok_or(otherwise)
    }

    fn are_friends(&self, a: usize, b: usize) -> bool {
        self.friends.contains(&(a.min(b), a.max(b)))
    }

    fn invite(&mut self, host: usize, guest: usize) -> Result<&'static str, Code> {
        self.member(host)?;
        if self.roles.contains_key(&guest) {
            return Ok("already");
        }
        if self.are_friends(host, guest) {
            self.join(guest);
            return Ok("joined");
        }
        self.invited.insert(guest);
        Ok("invited")
    }

    fn remove(&mut self, remover: usize, target: usize) -> Result<(), Code> {
        let role = self.member(remover)?;
        if role == Role::Member {
            return Err(Code::Forbidden);
        }
        match self.roles.get(&target) {
            None => return Err(Code::NotFound),
            Some(Role::Owner) => return Err(Code::Forbidden),
            Some(Role::Admin) if role != Role::Owner => return Err(Code::Forbidden),
            _ => self.go(target),
        }
        Ok(())
    }

    fn leave(&mut self, user: usize) -> Result<(), Code> {
        if self.member(user)? == Role::Owner {
            return Err(Code::Forbidden);
        }
        self.go(user);
        Ok(())
    }

    fn role(&mut self, by: usize, target: usize, role: Role) -> Result<Role, Code> {
        if self.member(by)? != Role::Owner {
            return Err(Code::Forbidden);
        }
        match self.roles.get(&target).copied() {
            None => Err(Code::NotFound),
            Some(Role::Owner) => Err(Code::Forbidden),
            Some(now) => {
                if now != role {
                    self.append(None);
                    self.roles.insert(target, role);
                }
                Ok(role)
            }
        }
    }

    fn send(&mut self, user: usize) -> Result<i64, Code> {
        self.member(user)?;
        let seq = self.append(Some(user));
        self.read[user] = seq;
        Ok(seq)
    }

    fn read_seq(&self, user: usize) -> i64 {
        self.read[user].max(self.joined_at[user])
    }

    fn unread(&self, user: usize) -> i64 {
        let unread = self.shown[user].range(self.read_seq(user) + 1..);
        unread.filter(|seq| self.senders[**seq as usize - 1].is_some()).count() as i64
    }
}

async fn take(house: &House, model: &mut Model, group: ConversationId, step: Step) {
    let who = |user: usize| person(user as u16);
    match step {
        Step::Befriend(a, b) if a == b => {}
        Step::Befriend(a, b) => {
            model.friends.insert((a.min(b), a.max(b)));
            house.relate(who(a), who(b), 1, true).await;
        }
        // Naming oneself is naming nobody.
        Step::Invite(host, guest) if host == guest => {}
        Step::Invite(host, guest) => {
            let expected = model.invite(host, guest);
            let reply = house.invite(who(host), group, &[who(guest)]).await.map(|reply| {
                let guest = ids(&[who(guest)]);
                match (reply.joined == guest, reply.invited == guest, reply.already == guest) {
                    (true, false, false) => "joined",
                    (false, true, false) => "invited",
                    (false, false, true) => "already",
                    _ => "something else",
                }
            });
            assert_eq!(reply, expected);
        }
        Step::Accept(user) => {
            let expected = if model.invited.contains(&user) { Ok(()) } else { Err(Code::NotFound) };
            if expected.is_ok() {
                model.join(user);
            }
            assert_eq!(house.accept(who(user), group).await.map(|_| ()), expected);
        }
        Step::Decline(user) => {
            let expected = if model.invited.remove(&user) { Ok(()) } else { Err(Code::NotFound) };
            assert_eq!(house.decline(who(user), group).await, expected);
        }
        Step::Remove(remover, target) => {
            let expected = model.remove(remover, target);
            assert_eq!(house.remove(who(remover), group, who(target)).await, expected);
        }
        Step::Leave(user) => {
            let expected = model.leave(user);
            assert_eq!(house.leave(who(user), group).await, expected);
        }
        Step::Role(by, target, admin) => {
            let role = if admin { Role::Admin } else { Role::Member };
            let expected = model.role(by, target, role);
            assert_eq!(house.make(who(by), group, who(target), role).await, expected);
        }
        Step::Send(user) => {
            let expected = model.send(user);
            assert_eq!(house.say(who(user), group, "hello").await, expected);
        }
        Step::Read(user, seq) => {
            if let Some(last) = model.shown[user].last() {
                model.read[user] = model.read_seq(user).max(seq.min(*last));
                let request = MoveReadCursorRequest { conversation_id: group.to_vec(), read_seq: seq };
                let moved = house.service.move_read_cursor(&acting(who(user)), request).await.unwrap();
                assert_eq!((moved.read_seq, moved.unread), (model.read_seq(user), model.unread(user)));
            }
        }
    }
}

/// Every way to look at the group agrees with the model.
async fn check(house: &House, model: &Model, group: ConversationId, user: usize) {
    let who: UserId = person(user as u16);
    let shown: Vec<i64> = model.shown[user].iter().copied().collect();
    let seen = house.see(who, group).await;
    let list = house.service.list_conversations(&acting(who), ListConversationsRequest::default()).await.unwrap();
    let listed = list.items.into_iter().find(|item| id(item) == group);
    let heads = house.service.heads(&acting(who), HeadsRequest::default()).await.unwrap();
    let head = heads.items.into_iter().find(|head| head.conversation_id == group.as_bytes());
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
        assert_eq!((seen, listed, head), (Err(Code::NotFound), None, None));
        assert_eq!(house.sync(who, group).await, Err(Code::NotFound));
        return;
    };

    let seen = seen.unwrap();
    assert_eq!(listed.as_ref(), Some(&seen));
    let role = model.roles.get(&user).copied();
    assert_eq!((seen.my_role(), seen.can_send), (role.unwrap_or(Role::Unspecified), role.is_some()));
    assert_eq!(seen.member_count, role.map_or(0, |_| model.roles.len() as u32));
    assert_eq!((seen.earliest_seq, seen.head_seq), (*first, *last));
    assert_eq!((seen.read_seq, seen.unread), (model.read_seq(user), model.unread(user)));
    assert_eq!(seen.last_message.unwrap().seq, *last);

    let head = head.unwrap();
    assert_eq!(
        (head.earliest_seq, head.head_seq, head.read_seq, head.unread),
        (seen.earliest_seq, seen.head_seq, seen.read_seq, seen.unread)
    );
    let page = house.sync(who, group).await.unwrap();
    assert_eq!(page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), shown);
    let hidden: Vec<i64> = page.hidden.iter().flat_map(|range| range.from_seq..=range.to_seq).collect();
    let expected: Vec<i64> = (1..=*last).filter(|seq| !model.shown[user].contains(seq)).collect();
    assert_eq!(hidden, expected);
    for entry in &page.entries {
        let sender = model.senders[entry.seq as usize - 1];
        assert_eq!(entry.countable, sender.is_some());
    }
}

async fn run(steps: Vec<Step>) {
    let house = House::new().await;
    let mut model = Model::default();
    let group = house.group(person(OWNER as u16), &[]).await;
    model.roles.insert(OWNER, Role::Owner);
    model.append(None);
    model.append(None);
    model.joined_at[OWNER] = 1;
    for step in steps {
        take(&house, &mut model, group, step).await;
        for user in 0..PEOPLE {
            check(&house, &model, group, user).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn everybody_sees_what_they_were_shown_and_nothing_else(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(steps));
    }
}
