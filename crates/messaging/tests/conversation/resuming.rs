//! Coming back: whatever happened while a device was away, after a resume (or, where that is refused, a sync) it holds
//! exactly what its person may see, with every change applied that it was told of.

use std::collections::BTreeMap;

use anser_contract::Context;
use anser_contract::v1::{
    Conversations, EditRequest, Entry, ListConversationsRequest, Messages, RecallRequest, ResumeRequest, Text,
    content::Kind,
};
use anser_types::{ConversationId, UserId};
use proptest::prelude::*;

use crate::house::{House, acting, id, person};

const PEOPLE: u16 = 3;
const GROUPS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// Who sends where, how often.
    Send(u16, usize, u8),
    Edit(u16, usize, i64),
    Recall(u16, usize, i64),
    Invite(u16, usize, u16),
    Leave(u16, usize),
    /// Whose device comes back.
    Resume(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let (one, group, seq) = (0..PEOPLE, 0..GROUPS, 1..25i64);
    prop_oneof![
        6 => (one.clone(), group.clone(), 1..4u8).prop_map(|(user, group, count)| Step::Send(user, group, count)),
        2 => (one.clone(), group.clone(), seq.clone()).prop_map(|(user, group, seq)| Step::Edit(user, group, seq)),
        2 => (one.clone(), group.clone(), seq).prop_map(|(user, group, seq)| Step::Recall(user, group, seq)),
        3 => (one.clone(), group.clone(), one.clone()).prop_map(|(host, group, guest)| Step::Invite(host, group, guest)),
        2 => (one.clone(), group).prop_map(|(user, group)| Step::Leave(user, group)),
        4 => one.prop_map(Step::Resume),
    ]
}

/// What a device holds: of each conversation its entries by seq, and how far it has been told.
#[derive(Default)]
struct Device {
    held: BTreeMap<ConversationId, BTreeMap<i64, Entry>>,
    position: i64,
}

impl Device {
    fn take(&mut self, entry: Entry) {
        let conversation = ConversationId::try_from(&entry.conversation_id[..]).unwrap();
        let held = self.held.entry(conversation).or_default().entry(entry.seq).or_default();
        if held.version <= entry.version {
            *held = entry;
        }
    }

    /// Asks for all of a conversation anew.
    async fn sync(&mut self, house: &House, user: UserId, conversation: ConversationId) {
        let page = house.sync(user, conversation).await.unwrap();
        self.held.remove(&conversation);
        page.entries.into_iter().for_each(|entry| self.take(entry));
    }

    async fn resume(&mut self, house: &House, user: UserId) {
        let request = ResumeRequest { user_id: user.to_vec(), after_position: self.position };
        let missed = house.service.resume(&Context::service(), request).await.unwrap();
        assert!(missed.through_position >= self.position);
        self.position = missed.through_position;
        if missed.sync_required {
            assert!(missed.entries.is_empty() && missed.joined.is_empty());
            for conversation in visible(house, user).await {
                self.sync(house, user, conversation).await;
            }
            return;
        }
        for joined in missed.joined {
            let conversation = ConversationId::try_from(&joined.conversation_id[..]).unwrap();
            self.sync(house, user, conversation).await;
        }
        let mut last: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        for entry in missed.entries {
            let before = last.insert(entry.conversation_id.clone(), entry.seq).unwrap_or_default();
            assert!(before < entry.seq, "each conversation in the order of its log");
            self.take(entry);
        }
        missed.targets.into_iter().for_each(|target| self.take(target));
    }
}

/// The conversations that `user` is or was in.
async fn visible(house: &House, user: UserId) -> Vec<ConversationId> {
    let request = ListConversationsRequest { limit: 200, ..Default::default() };
    let list = house.service.list_conversations(&acting(user), request).await.unwrap();
    list.items.iter().map(id).collect()
}

/// The device holds what a new one would get.
async fn check(house: &House, user: UserId, device: &Device) {
    let conversations = visible(house, user).await;
    let mut held: Vec<ConversationId> = device.held.keys().copied().collect();
    held.sort_unstable_by_key(|conversation| conversations.iter().position(|known| known == conversation));
    assert_eq!(held, conversations);
    for (conversation, held) in &device.held {
        let page = house.sync(user, *conversation).await.unwrap();
        let expected: Vec<i64> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(held.keys().copied().collect::<Vec<_>>(), expected, "of {conversation}");
        for change in &page.entries {
            let Some(target) = change.target_seq().and_then(|seq| held.get(&seq)) else { continue };
            let version = match change.content.as_ref().and_then(|content| content.kind.as_ref()) {
                Some(Kind::Edited(edited)) => edited.version,
                Some(Kind::Recalled(recalled)) => recalled.version,
                other => panic!("{other:?}"),
            };
            assert!(i64::from(target.version) >= version, "a change was told of and not given");
        }
    }
}

/// Some of it is refused, which changes nothing.
async fn take(house: &House, groups: &[ConversationId], devices: &mut [Device], step: Step) {
    match step {
        Step::Send(user, group, count) => {
            for _ in 0..count {
                let _may_be_refused = house.say(person(user), groups[group], "hello").await;
            }
        }
        Step::Edit(user, group, seq) => {
            let content = Some(Kind::Text(Text { text: format!("now {seq}") }).into());
            let request = EditRequest { conversation_id: groups[group].to_vec(), seq, content, ..Default::default() };
            let _may_be_refused = house.service.edit(&acting(person(user)), request).await;
        }
        Step::Recall(user, group, seq) => {
            let request = RecallRequest { conversation_id: groups[group].to_vec(), seq, ..Default::default() };
            let _may_be_refused = house.service.recall(&acting(person(user)), request).await;
        }
        Step::Invite(host, group, guest) => {
            let _may_be_refused = house.invite(person(host), groups[group], &[person(guest)]).await;
        }
        Step::Leave(user, group) => {
            let _may_be_refused = house.leave(person(user), groups[group]).await;
        }
        Step::Resume(user) => {
            let device = &mut devices[usize::from(user)];
            device.resume(house, person(user)).await;
            check(house, person(user), device).await;
        }
    }
}

async fn run(entries: usize, steps: Vec<Step>) {
    let house = House::with(|options| {
        options.strangers = true;
        options.resume_entries = entries;
        options.index_run = 7;
    })
    .await;
    let mut groups = Vec::new();
    for owner in 0..GROUPS {
        groups.push(house.group(person(owner as u16), &[]).await);
    }
    let mut devices: Vec<Device> = (0..PEOPLE).map(|_| Device::default()).collect();
    let end = (0..PEOPLE).map(Step::Resume);
    for step in steps.into_iter().chain(end) {
        take(&house, &groups, &mut devices, step).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_device_that_comes_back_holds_what_may_be_seen(entries in 1..20usize, steps in prop::collection::vec(step(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(entries, steps));
    }
}
