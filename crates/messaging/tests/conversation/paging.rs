//! Lists in pages of any size while others come, go and talk: each item once, in order, to an end; and a cursor is
//! good for its person and its list alone. Numbers beyond all bounds are answered like any others.

use std::collections::BTreeSet;

use anser_contract::v1::{
    Conversations, DeleteForMeRequest, HiddenRange, HistoryRequest, ListConversationsRequest, ListMembersRequest,
    Messages, MoveReadCursorRequest, RecallRequest, SyncFrom, SyncManyRequest,
};
use anser_types::{Code, ConversationId, UserId};
use proptest::prelude::*;

use crate::house::{House, acting, id, person};

const OWNER: UserId = UserId([0x80; 16]);

/// A house in which all may talk to all.
async fn open_house() -> House {
    House::with(|options| {
        options.strangers = true;
        options.index_run = 9;
    })
    .await
}

fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(story);
}

async fn members(
    house: &House,
    who: UserId,
    group: ConversationId,
    limit: u32,
    cursor: String,
) -> Result<(Vec<UserId>, String), Code> {
    let request = ListMembersRequest { conversation_id: group.to_vec(), limit, cursor };
    let page = house.service.list_members(&acting(who), request).await.map_err(|error| error.code)?;
    let ids = page.items.iter().map(|member| UserId::try_from(&member.user_id[..]).unwrap());
    Ok((ids.collect(), page.next_cursor))
}

/// Who is in at first, who comes and goes between the pages, and the pages' sizes.
async fn list_members(first: BTreeSet<u16>, moves: Vec<(u16, bool)>, sizes: Vec<u32>) {
    let house = open_house().await;
    let people: Vec<UserId> = first.iter().map(|number| person(*number)).collect();
    let group = house.group(OWNER, &people).await;
    let other = house.group(OWNER, &people).await;
    let (mut there, mut stayed): (BTreeSet<UserId>, BTreeSet<UserId>) = Default::default();
    there.extend(people.iter().chain([&OWNER]));
    stayed.clone_from(&there);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    let (mut moves, mut sizes) = (moves.into_iter(), sizes.into_iter().cycle());
    loop {
        let limit = sizes.next().unwrap();
        let (page, next) = members(&house, OWNER, group, limit, cursor).await.unwrap();
        assert!(page.len() <= limit as usize);
        found.extend(page);
        if next.is_empty() {
            break;
        }
        assert_eq!(members(&house, people[0], group, limit, next.clone()).await, Err(Code::InvalidArgument), "hers");
        assert_eq!(members(&house, OWNER, other, limit, next.clone()).await, Err(Code::InvalidArgument), "of another");
        cursor = next;
        // Who was somewhere else in the meantime may be missing.
        match moves.next() {
            Some((guest, true)) => {
                house.invite(OWNER, group, &[person(guest)]).await.unwrap();
                there.insert(person(guest));
            }
            Some((number, false)) if number != *first.first().unwrap() => {
                let refused = house.remove(OWNER, group, person(number)).await.is_err();
                stayed.retain(|member| refused || *member != person(number));
            }
            _ => {}
        }
    }
    assert!(found.is_sorted_by(|one, next| one < next), "in order, nobody twice");
    let found: BTreeSet<UserId> = found.into_iter().collect();
    assert!(found.is_superset(&stayed) && found.is_subset(&there));
}

/// Conversations of which some get something new between the pages.
async fn list_conversations(count: usize, news: Vec<usize>, sizes: Vec<u32>) {
    let house = open_house().await;
    let mut groups = Vec::new();
    for _ in 0..count {
        groups.push(house.group(OWNER, &[person(1)]).await);
    }
    let (mut found, mut moved, mut cursor) = (Vec::new(), BTreeSet::new(), String::new());
    let (mut news, mut sizes) = (news.into_iter(), sizes.into_iter().cycle());
    loop {
        let limit = sizes.next().unwrap();
        let request = ListConversationsRequest { limit, cursor: cursor.clone() };
        if !cursor.is_empty() {
            let refused = house.service.list_conversations(&acting(person(1)), request.clone()).await.unwrap_err();
            assert_eq!(refused.code, Code::InvalidArgument);
        }
        let page = house.service.list_conversations(&acting(OWNER), request).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items.iter().map(id));
        if page.next_cursor.is_empty() {
            break;
        }
        cursor = page.next_cursor;
        if let Some(group) = news.next().map(|index| groups[index % count]) {
            house.say(person(1), group, "news").await.unwrap();
            moved.insert(group);
        }
    }
    let expected: Vec<_> = groups.iter().rev().filter(|group| !moved.contains(group)).copied().collect();
    let stayed: Vec<_> = found.iter().filter(|group| !moved.contains(group)).copied().collect();
    assert_eq!(stayed, expected, "what did not move comes once, newest first");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "nothing twice");
}

/// The history of a group in which people go on talking, recalling and deleting between its pages.
async fn read_history(messages: usize, forward: bool, sizes: Vec<u32>) {
    let house = open_house().await;
    let group = house.group(OWNER, &[]).await;
    let mut said = Vec::new();
    for _ in 0..messages {
        said.push(house.say(OWNER, group, "hello").await.unwrap());
    }
    let (mut found, mut place) = (Vec::new(), if forward { 2 } else { said[messages - 1] + 1 });
    for limit in sizes.into_iter().cycle() {
        let (before_seq, after_seq) = if forward { (0, place) } else { (place, 0) };
        let request =
            HistoryRequest { conversation_id: group.to_vec(), limit, before_seq, after_seq, ..Default::default() };
        let page = house.service.history(&acting(OWNER), request).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items.iter().map(|entry| entry.seq));
        place = page.reached_seq;
        if !page.has_more || found.len() >= messages + 2 {
            break;
        }
        let request = RecallRequest { conversation_id: group.to_vec(), seq: said[0], ..Default::default() };
        house.service.recall(&acting(OWNER), request).await.unwrap();
    }
    if !forward {
        found.retain(|seq| *seq > 2);
        found.reverse();
    }
    assert_eq!(found, said);
}

/// Each question with a number that no log has.
async fn ask_beyond(number: i64) {
    let house = open_house().await;
    let group = house.group(OWNER, &[]).await;
    let head = house.say(OWNER, group, "hello").await.unwrap();
    let conversation_id = group.to_vec();
    let ctx = acting(OWNER);
    for (before_seq, after_seq) in [(number, 0), (0, number)] {
        for (from_at, until_at) in [(0, 0), (number, 0), (0, number), (number, number)] {
            let conversation_id = conversation_id.clone();
            let request = HistoryRequest { conversation_id, before_seq, after_seq, from_at, until_at, limit: u32::MAX };
            match house.service.history(&ctx, request).await {
                Ok(page) => assert!(after_seq <= head || page.items.is_empty(), "{page:?}"),
                Err(refused) => assert_eq!(refused.code, Code::InvalidArgument, "{refused}"),
            }
        }
    }
    let items = vec![SyncFrom { conversation_id: conversation_id.clone(), after_seq: number }];
    let sync = SyncManyRequest { items, limit: u32::MAX, max_bytes: u32::MAX };
    match house.service.sync_many(&ctx, sync).await {
        Ok(mut reply) => {
            let page = reply.items.remove(0).page.unwrap();
            assert!(number <= head || page.entries.is_empty() && page.hidden.is_empty() && !page.has_more, "{page:?}");
        }
        Err(refused) => assert_eq!(refused.code, Code::InvalidArgument),
    }
    let read = MoveReadCursorRequest { conversation_id: conversation_id.clone(), read_seq: number };
    match house.service.move_read_cursor(&ctx, read).await {
        Ok(moved) => assert!((1..=head).contains(&moved.read_seq)),
        Err(refused) => assert_eq!(refused.code, Code::InvalidArgument),
    }
    let ranges = vec![HiddenRange { from_seq: number, to_seq: i64::MAX }];
    match house.service.delete_for_me(&ctx, DeleteForMeRequest { conversation_id, ranges }).await {
        Ok(deleted) => assert!(deleted.ranges.iter().all(|range| range.to_seq <= head)),
        Err(refused) => assert_eq!(refused.code, Code::InvalidArgument),
    }
}

#[tokio::test]
async fn a_number_beyond_all_bounds_is_a_number() {
    for number in [i64::MAX, i64::MAX - 1, i64::MIN, -1, 0, 1, 3, 4] {
        ask_beyond(number).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn members_come_once_and_in_order(
        first in prop::collection::btree_set(0..60u16, 2..40),
        moves in prop::collection::vec((0..60u16, any::<bool>()), 0..20),
        sizes in prop::collection::vec(1..9u32, 1..6),
    ) {
        run(list_members(first, moves, sizes));
    }

    #[test]
    fn conversations_come_once_and_newest_first(
        count in 1..20usize,
        news in prop::collection::vec(0..20usize, 0..8),
        sizes in prop::collection::vec(1..6u32, 1..6),
    ) {
        run(list_conversations(count, news, sizes));
    }

    #[test]
    fn a_history_is_whole_in_either_direction(
        messages in 1..40usize,
        forward: bool,
        sizes in prop::collection::vec(1..9u32, 1..6),
    ) {
        run(read_history(messages, forward, sizes));
    }
}
