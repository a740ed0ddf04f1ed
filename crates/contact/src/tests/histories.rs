//! Random histories of three people, a messaging service that comes and goes, and time.
//!
//! After each step: never two pending requests between two people; friendship is symmetric and as messaging holds it once
//! settled; versions only rise; and a device that syncs from any version it ever had holds what a fresh device holds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Ask(usize, usize),
    Accept(usize, usize),
    Reject(usize, usize),
    Delete(usize, usize),
    Block(usize, usize),
    Unblock(usize, usize),
    MessagingGoes(bool),
    AnswersGetLost(bool),
    Reconcile,
    Expire,
    TimePasses(i64),
    Note(usize, usize, String),
    MakeCategory(usize, String),
    DeleteCategory(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || (0..3usize, 1..3usize).prop_map(|(one, by)| (one, (one + by) % 3));
    let step = prop_oneof![
        6 => who().prop_map(|(a, b)| Step::Ask(a, b)),
        5 => who().prop_map(|(a, b)| Step::Accept(a, b)),
        2 => who().prop_map(|(a, b)| Step::Reject(a, b)),
        3 => who().prop_map(|(a, b)| Step::Delete(a, b)),
        2 => who().prop_map(|(a, b)| Step::Block(a, b)),
        2 => who().prop_map(|(a, b)| Step::Unblock(a, b)),
        1 => any::<bool>().prop_map(Step::MessagingGoes),
        1 => any::<bool>().prop_map(Step::AnswersGetLost),
        2 => Just(Step::Reconcile),
        1 => Just(Step::Expire),
        2 => (who(), "[ab]?").prop_map(|((a, b), remark)| Step::Note(a, b, remark)),
        1 => (0..3usize, "[ab]").prop_map(|(a, name)| Step::MakeCategory(a, name)),
        1 => (0..3usize).prop_map(Step::DeleteCategory),
        1 => (1..40i64).prop_map(|days| Step::TimePasses(days * DAY)),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a device holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Device {
    version: i64,
    friends: BTreeMap<Vec<u8>, Friend>,
    categories: Vec<FriendCategory>,
    blocks: BTreeMap<Vec<u8>, Block>,
    requests: BTreeMap<Vec<u8>, FriendRequest>,
}

impl Device {
    async fn sync(&mut self, world: &World, user: UserId) {
        loop {
            let page = world.sync(user, self.version).await;
            for friend in page.removed {
                self.friends.remove(&friend);
            }
            for friend in page.friends {
                self.friends.insert(friend.user_id.clone(), friend);
            }
            for unblocked in page.unblocked {
                self.blocks.remove(&unblocked);
            }
            for block in page.blocks {
                self.blocks.insert(block.user_id.clone(), block);
            }
            if let Some(categories) = page.categories {
                self.categories = categories.items;
            }
            for request in page.requests {
                self.requests.insert(request.request_id.clone(), request);
            }
            self.version = page.version;
            if !page.has_more {
                break;
            }
        }
        // A category that is not there is none.
        let known: HashSet<_> = self.categories.iter().map(|category| &category.category_id).collect();
        for friend in self.friends.values_mut().filter(|friend| !known.contains(&friend.category_id)) {
            friend.category_id.clear();
        }
        // Devices know when a request ends: it says so.
        let now = world.clock.now();
        for request in self.requests.values_mut() {
            if request.state() == FriendRequestState::Pending && request.expires_at <= now {
                request.set_state(FriendRequestState::Expired);
            }
        }
    }
}

async fn take(world: &World, people: &[UserId], step: &Step) {
    let received = async |by: usize, from: usize| {
        let requests = world.requests(people[by], false).await;
        requests.into_iter().find(|request| request.from_user_id == people[from].to_vec())
    };
    // Most steps of a random history are refused; what matters is what holds afterwards.
    match *step {
        Step::Ask(from, to) => _ = world.ask(people[from], people[to]).await,
        Step::Accept(by, from) => {
            if let Some(request) = received(by, from).await {
                _ = world.accept(people[by], &request).await;
            }
        }
        Step::Reject(by, from) => {
            if let Some(request) = received(by, from).await {
                _ = world.reject(people[by], &request).await;
            }
        }
        Step::Delete(by, friend) => _ = world.delete(people[by], people[friend]).await,
        Step::Block(me, other) => {
            let request = BlockRequest { user_id: people[other].to_vec(), ..Default::default() };
            _ = world.contact.block(&by(people[me]), request).await;
        }
        Step::Unblock(me, other) => {
            let request = BlockRequest { user_id: people[other].to_vec(), ..Default::default() };
            _ = world.contact.unblock(&by(people[me]), request).await;
        }
        Step::MessagingGoes(away) => world.messaging.go(away),
        Step::AnswersGetLost(lost) => world.messaging.lose_answers(lost),
        Step::Reconcile => _ = world.contact.reconcile().await,
        Step::Expire => _ = crate::expire::expire(&world.contact).await,
        Step::TimePasses(time) => world.clock.advance(time),
        Step::Note(me, friend, ref remark) => {
            // Into the first category that there is, so that it is deleted from under them now and then.
            let categories = world.contact.list_categories(&by(people[me]), ListCategoriesRequest {}).await.unwrap();
            let first = categories.items.into_iter().next().unwrap_or_default();
            let request = UpdateFriendRequest {
                user_id: people[friend].to_vec(),
                remark: Some(remark.clone()),
                category: Some(InCategory { category_id: first.category_id }),
                ..Default::default()
            };
            _ = world.contact.update_friend(&by(people[me]), request).await;
        }
        Step::MakeCategory(me, ref name) => {
            let request = CreateCategoryRequest { name: name.clone(), ..Default::default() };
            _ = world.contact.create_category(&by(people[me]), request).await;
        }
        Step::DeleteCategory(me) => {
            let categories = world.contact.list_categories(&by(people[me]), ListCategoriesRequest {}).await.unwrap();
            if let Some(first) = categories.items.into_iter().next() {
                let request = DeleteCategoryRequest { category_id: first.category_id, ..Default::default() };
                _ = world.contact.delete_category(&by(people[me]), request).await;
            }
        }
    }
}

async fn check(world: &World, people: &[UserId], devices: &mut [Vec<Device>]) {
    let settled = world.contact.db.read(crate::store::count_unsettled).await.unwrap() == 0;
    for (&one, history) in people.iter().zip(devices.iter_mut()) {
        let mut fresh = Device::default();
        fresh.sync(world, one).await;
        for old in history.iter() {
            let mut device = old.clone();
            device.sync(world, one).await;
            assert_eq!(device, fresh, "synced from version {}", old.version);
        }
        let newest = history.last().map_or(0, |device| device.version);
        assert!(fresh.version >= newest);
        if fresh.version > newest {
            history.push(fresh.clone());
        }

        let listed: BTreeMap<_, _> =
            world.friends(one).await.into_iter().map(|friend| (friend.user_id.clone(), friend)).collect();
        assert_eq!(listed, fresh.friends, "the list and sync agree");
        let request = ListBlocksRequest { limit: 200, cursor: String::new() };
        let blocked = world.contact.list_blocks(&by(one), request).await.unwrap().items;
        assert_eq!(blocked, fresh.blocks.values().cloned().collect::<Vec<_>>(), "the list and sync agree");
        for &other in people.iter().filter(|&&other| other != one) {
            let sees = listed.get(other.as_bytes());
            let seen = world.friends(other).await.into_iter().find(|friend| friend.user_id == one.to_vec());
            let shared = |friend: &Friend| (friend.since_at, friend.conversation_id.clone());
            assert_eq!(sees.map(shared), seen.as_ref().map(shared), "symmetric");
            assert!(sees.is_none_or(|friend| !friend.conversation_id.is_empty()));
            if settled {
                let held = world.messaging.held(one, other);
                assert_eq!(held.as_ref().is_some_and(|held| held.friends), sees.is_some(), "messaging holds the same");
                let by_other =
                    world.contact.db.read(move |reader| crate::store::block(reader, other, one)).await.unwrap();
                let blocked = by_other.is_some() || fresh.blocks.contains_key(other.as_bytes());
                assert_eq!(held.is_some_and(|held| held.blocked), blocked, "messaging holds the same");
            }
            let between = |request: &&FriendRequest| {
                let ends = [&request.from_user_id[..], &request.to_user_id[..]];
                ends.contains(&one.as_bytes()) && ends.contains(&other.as_bytes())
            };
            let pending = fresh.requests.values().filter(between).filter(|request| request.state == 1).count();
            assert!(pending <= 1, "never two pending");
            assert!(pending == 0 || sees.is_none() || !settled, "friends do not ask");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_history_keeps_the_rules(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let people = [world.person(), world.person(), world.person()];
            let mut devices = vec![Vec::new(); 3];
            for step in &steps {
                take(&world, &people, step).await;
                check(&world, &people, &mut devices).await;
            }
            // In the end messaging is back, and everything decided is done.
            world.messaging.go(false);
            world.messaging.lose_answers(false);
            world.contact.reconcile().await.unwrap();
            check(&world, &people, &mut devices).await;
            let told = world.told().await;
            for person in people {
                let versions: Vec<_> =
                    told.iter().filter(|told| told.user_id == person.to_vec()).map(|told| told.version).collect();
                assert!(versions.is_sorted_by(|a, b| a < b), "each change has a version of its own");
            }
        });
    }
}
