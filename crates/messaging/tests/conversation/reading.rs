//! What is unread, however messages are recalled, deleted for oneself, read and shown to newcomers: random histories
//! against the definition, counted one by one.

use std::collections::{BTreeMap, BTreeSet};

use anser_contract::v1::{
    ChangeGroupRequest, Content, Conversations, DeleteForMeRequest, HeadsRequest, HiddenRange, HistoryFor, Mentions,
    Messages, MoveReadCursorRequest, RecallRequest, Text, content::Kind,
};
use anser_types::{Code, ConversationId};
use proptest::prelude::*;

use crate::house::{House, acting, ids, person};

const PEOPLE: usize = 3;
const OWNER: usize = 0;

#[derive(Clone, Debug)]
enum Step {
    /// Who sends, and whom they mean.
    Send(usize, Option<usize>),
    /// The owner recalls.
    Recall(i64),
    Delete(usize, i64, i64),
    Read(usize, i64),
    Leave(usize),
    Invite(usize),
    History(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let (one, seq) = (0..PEOPLE, 1..30i64);
    prop_oneof![
        6 => (one.clone(), prop::option::of(one.clone())).prop_map(|(user, meant)| Step::Send(user, meant)),
        3 => seq.clone().prop_map(Step::Recall),
        3 => (one.clone(), seq.clone(), 0..4i64).prop_map(|(user, from, more)| Step::Delete(user, from, from + more)),
        3 => (one.clone(), 0..40i64).prop_map(|(user, seq)| Step::Read(user, seq)),
        1 => one.clone().prop_map(Step::Leave),
        2 => one.prop_map(Step::Invite),
        1 => any::<bool>().prop_map(Step::History),
    ]
}

/// What should be so.
#[derive(Default)]
struct Model {
    head: i64,
    /// Messages, and whom they mean.
    messages: BTreeMap<i64, Option<usize>>,
    recalled: BTreeSet<i64>,
    all_history: bool,
    people: [Person; PEOPLE],
}

#[derive(Clone, Default)]
struct Person {
    member: bool,
    shown: BTreeSet<i64>,
    deleted: BTreeSet<i64>,
    joined_seq: i64,
    read_seq: i64,
}

impl Person {
    fn read_seq(&self) -> i64 {
        self.read_seq.max(self.joined_seq)
    }

    fn sees(&self) -> impl Iterator<Item = i64> {
        self.shown.difference(&self.deleted).copied()
    }
}

impl Model {
    /// An entry that everybody in the group sees.
    fn append(&mut self) -> i64 {
        self.head += 1;
        for person in self.people.iter_mut().filter(|person| person.member) {
            person.shown.insert(self.head);
        }
        self.head
    }

    fn join(&mut self, user: usize) {
        self.people[user].member = true;
        let seq = self.append();
        let person = &mut self.people[user];
        person.joined_seq = seq;
        if self.all_history {
            person.shown = (1..=seq).collect();
        }
    }

    fn unread(&self, user: usize) -> impl Iterator<Item = i64> {
        let person = &self.people[user];
        let counts = |seq: &i64| self.messages.contains_key(seq) && !self.recalled.contains(seq);
        person.sees().filter(|seq| *seq > person.read_seq()).filter(counts)
    }

    fn mentions(&self, user: usize) -> i64 {
        self.unread(user).filter(|seq| self.messages[seq] == Some(user)).count() as i64
    }
}

async fn take(house: &House, model: &mut Model, group: ConversationId, step: Step) {
    let who = |user: usize| person(user as u16);
    let conversation_id = group.to_vec();
    match step {
        Step::Send(user, meant) => {
            let mentions = meant.map(|meant| Box::new(Mentions { user_ids: ids(&[who(meant)]), all: false }));
            let text = Kind::Text(Text { text: "hello".into() });
            let said = house.send(who(user), group, Content { mentions, ..text.into() }).await;
            if !model.people[user].member {
                let otherwise = if model.people[user].shown.is_empty() { Code::NotFound } else { Code::Forbidden };
                return assert_eq!(said, Err(otherwise));
            }
            let seq = model.append();
            assert_eq!(said, Ok(seq));
            model.messages.insert(seq, meant);
            model.people[user].read_seq = seq;
        }
        Step::Recall(seq) => {
            let request = RecallRequest { conversation_id, seq, ..RecallRequest::default() };
            let recalled = house.service.recall(&acting(who(OWNER)), request).await.map_err(|error| error.code);
            let found = model.messages.contains_key(&seq) && !model.people[OWNER].deleted.contains(&seq);
            assert_eq!(recalled.map(|_| ()), if found { Ok(()) } else { Err(Code::NotFound) });
            if found && model.recalled.insert(seq) {
                model.append();
            }
        }
        Step::Delete(user, from_seq, to_seq) => {
            let ranges = vec![HiddenRange { from_seq, to_seq }];
            let request = DeleteForMeRequest { conversation_id, ranges };
            let deleted = house.service.delete_for_me(&acting(who(user)), request).await;
            let person = &mut model.people[user];
            let Some(last) = person.shown.last() else { return assert!(deleted.is_err()) };
            person.deleted.extend(from_seq..=to_seq.min(*last));
            let told = deleted.unwrap().ranges;
            assert_eq!(all_of(&told), person.deleted.iter().copied().collect::<Vec<_>>());
        }
        Step::Read(user, seq) => {
            let request = MoveReadCursorRequest { conversation_id, read_seq: seq };
            let moved = house.service.move_read_cursor(&acting(who(user)), request).await;
            let person = &mut model.people[user];
            let Some(last) = person.shown.last() else { return assert!(moved.is_err()) };
            person.read_seq = person.read_seq().max(seq.min(*last));
            let moved = moved.unwrap();
            let expected = (model.people[user].read_seq(), model.unread(user).count() as i64);
            assert_eq!((moved.read_seq, moved.unread), expected, "never back, never beyond the head");
        }
        Step::Leave(user) => {
            let left = house.leave(who(user), group).await;
            let may = model.people[user].member && user != OWNER;
            assert_eq!(left.is_ok(), may);
            if may {
                model.append();
                model.people[user].member = false;
            }
        }
        Step::Invite(user) if user == OWNER => {}
        Step::Invite(user) => {
            house.invite(who(OWNER), group, &[who(user)]).await.unwrap();
            if !model.people[user].member {
                model.join(user);
            }
        }
        Step::History(all) => {
            let history = if all { HistoryFor::All } else { HistoryFor::Joining };
            let request = ChangeGroupRequest { conversation_id, history: history.into(), ..Default::default() };
            house.service.change_group(&acting(who(OWNER)), request).await.unwrap();
            if model.all_history != all {
                model.all_history = all;
                model.append();
            }
        }
    }
}

fn all_of(ranges: &[HiddenRange]) -> Vec<i64> {
    ranges.iter().flat_map(|range| range.from_seq..=range.to_seq).collect()
}

/// Every way to look at the group agrees with the model.
async fn check(house: &House, model: &Model, group: ConversationId, user: usize) {
    let (who, known) = (person(user as u16), &model.people[user]);
    let (Some(first), Some(last)) = (known.shown.first(), known.shown.last()) else {
        return assert_eq!(house.see(who, group).await, Err(Code::NotFound));
    };
    let seen = house.see(who, group).await.unwrap();
    let unread = model.unread(user).count() as i64;
    assert_eq!((seen.earliest_seq, seen.head_seq), (*first, *last));
    assert_eq!((seen.read_seq, seen.unread, seen.mentions), (known.read_seq(), unread, model.mentions(user)));
    let heads = house.service.heads(&acting(who), HeadsRequest::default()).await.unwrap();
    let head = heads.items.into_iter().find(|head| head.conversation_id == group.as_bytes()).unwrap();
    assert_eq!((head.read_seq, head.unread, head.mentions), (seen.read_seq, seen.unread, seen.mentions));
    let page = house.sync(who, group).await.unwrap();
    let got: Vec<i64> = page.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(got, known.sees().collect::<Vec<_>>());
    let hidden = all_of(&page.hidden);
    let all: BTreeSet<i64> = got.iter().chain(&hidden).copied().collect();
    assert_eq!((all.len(), all), (got.len() + hidden.len(), (1..=*last).collect()), "seen or hidden, and never both");
    for entry in &page.entries {
        let counts = model.messages.contains_key(&entry.seq) && !model.recalled.contains(&entry.seq);
        assert_eq!(entry.countable, counts);
    }
}

async fn run(index_run: i64, steps: Vec<Step>) {
    let house = House::with(|options| {
        options.strangers = true;
        options.index_run = index_run;
    })
    .await;
    let group = house.group(person(OWNER as u16), &[]).await;
    let mut model = Model::default();
    model.people[OWNER].member = true;
    model.append();
    model.append();
    model.people[OWNER].joined_seq = 1;
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
    fn unread_is_what_one_may_see_after_what_one_has_read(run_of in 1..40i64, steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(run_of, steps));
    }
}
