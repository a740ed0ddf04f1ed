//! What is found, in which order, and what is not shown.

use anser_contract::v1::{MessageType, SearchOrder};
use anser_types::Code;
use proptest::prelude::*;
use tempfile::tempdir;

use super::{fakes::*, *};

#[tokio::test]
async fn words_and_parts_of_chinese_are_found_newest_first() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1, 2]);
    town.says(ADA, 1, "Meeting about the Budget tomorrow");
    town.says(BOB, 2, "今天天气真好，我们去公园吧");
    town.says(ADA, 2, "the budget is small; 我的iPhone手机");
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "budget").await, [(2, 2), (1, 1)]);
    assert_eq!(town.finds(ADA, "BUDGET small").await, [(2, 2)]);
    assert_eq!(town.finds(ADA, "天天气真").await, [(2, 1)]);
    assert_eq!(town.finds(ADA, "园").await, [(2, 1)]);
    assert_eq!(town.finds(ADA, "ｉＰｈｏｎｅ手机").await, [(2, 2)]);
    assert_eq!(town.finds(ADA, "天好").await, []);
    assert_eq!(town.finds(ADA, "budge").await, []);
    let reply = town.asks(ADA, ask("budget")).await.unwrap();
    assert_eq!((reply.items[1].snippet.as_str(), reply.degraded), ("Meeting about the Budget tomorrow", false));
    assert_eq!((reply.items[1].highlights[0].from, reply.items[1].highlights[0].until), (18, 24));
}

#[tokio::test]
async fn a_question_is_narrowed_by_conversation_sender_kind_and_time() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1, 2]);
    town.says(ADA, 1, "plan");
    town.says(BOB, 1, "plan");
    let noon = town.clock.now();
    town.says(BOB, 2, "plan");
    town.journal.append(2, ADA, town.clock.now() + 5, file("Plan 2026.pdf"));
    town.catch_up().await;
    let names_of = async |request| names(&town.asks(ADA, request).await.unwrap());
    assert_eq!(names_of(SearchMessagesRequest { conversation_id: room(1), ..ask("plan") }).await, [(1, 2), (1, 1)]);
    assert_eq!(names_of(SearchMessagesRequest { sender_id: BOB.to_vec(), ..ask("plan") }).await, [(2, 1), (1, 2)]);
    let files = MessageType::File.into();
    assert_eq!(names_of(SearchMessagesRequest { r#type: files, ..ask("plan pdf") }).await, [(2, 2)]);
    assert_eq!(names_of(SearchMessagesRequest { until_at: noon, ..ask("plan") }).await, [(1, 1)]);
    assert_eq!(names_of(SearchMessagesRequest { from_at: noon, ..ask("plan") }).await, [(2, 2), (2, 1), (1, 2)]);
}

#[tokio::test]
async fn the_best_come_first_if_asked_for() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1]);
    town.says(ADA, 1, "goose goose goose");
    town.says(ADA, 1, "a goose among very many other words that say nothing about it at all");
    town.catch_up().await;
    let best = SearchMessagesRequest { order: SearchOrder::Best.into(), ..ask("goose") };
    assert_eq!(names(&town.asks(ADA, best).await.unwrap()), [(1, 1), (1, 2)]);
    assert_eq!(town.finds(ADA, "goose").await, [(1, 2), (1, 1)]);
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_read() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.may_read(ADA, 1, 1, 0);
    // Bob came, left and came back; of the second conversation he knows nothing.
    town.may_read(BOB, 1, 2, 3);
    town.may_read(BOB, 1, 5, 0);
    town.may_read(ADA, 2, 1, 0);
    for _ in 0..6 {
        town.says(ADA, 1, "secret");
    }
    town.says(ADA, 2, "secret");
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "secret").await.len(), 7);
    assert_eq!(town.finds(BOB, "secret").await, [(1, 6), (1, 5), (1, 3), (1, 2)]);
    let other = SearchMessagesRequest { conversation_id: room(2), ..ask("secret") };
    assert_eq!(town.asks(BOB, other).await.unwrap_err().code, Code::NotFound, "whether there is one is not told");
    assert_eq!(town.finds(UserId([7; 16]), "secret").await, []);
    town.journal.deleted.lock().insert((BOB, room(1), 5));
    assert_eq!(town.finds(BOB, "secret").await, [(1, 6), (1, 3), (1, 2)]);
}

#[tokio::test]
async fn changed_words_count_at_once_for_what_is_shown_and_soon_for_what_is_found() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1]);
    let (first, second) = (town.says(ADA, 1, "old words"), town.says(ADA, 1, "other old words"));
    let spoken = town.journal.append(1, BOB, town.clock.now(), voice(""));
    town.catch_up().await;
    town.changes(1, first, text("new words"), edited(first));
    town.changes(1, second, withdrawn(), recalled(second));
    town.changes(1, spoken, voice("spoken words"), transcribed(spoken));
    assert_eq!(town.finds(ADA, "old").await, [], "the index does not know yet, and shows nothing stale");
    assert_eq!(town.finds(ADA, "words").await, [(1, first)]);
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "new").await, [(1, first)]);
    assert_eq!(town.finds(ADA, "old").await, []);
    assert_eq!(town.finds(ADA, "words").await, [(1, spoken), (1, first)], "an edited message keeps its place");
    let (schema, fields) = crate::messages::Fields::schema();
    let _ = schema;
    let old = tantivy::Term::from_field_text(fields.text, "other");
    town.clock.advance(13 * 3_600 * 1_000);
    town.log.settle().await.unwrap();
    let searcher = town.search.messages.volume.searcher().unwrap();
    assert_eq!(searcher.doc_freq(&old).unwrap(), 0, "after half a day the words have left the files");
}

#[tokio::test]
async fn words_that_go_by_themselves_leave_the_index_too() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1]);
    town.journal.append(1, ADA, NOW, expiring("ephemeral", NOW + 5_000));
    town.says(ADA, 1, "lasting");
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "ephemeral").await, [(1, 1)]);
    town.clock.advance(13 * 3_600 * 1_000);
    town.log.settle().await.unwrap();
    let searcher = town.search.messages.volume.searcher().unwrap();
    assert_eq!(searcher.num_docs(), 1);
}

#[tokio::test]
async fn a_question_says_something_and_not_too_much() {
    let dir = tempdir().unwrap();
    let town = Town::on(dir.path());
    for question in ["", "  ", "，。!", &"x".repeat(257), &"a ".repeat(33)] {
        let error = town.asks(ADA, ask(question)).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "q"), "{question}");
    }
    let nonsense = SearchMessagesRequest { cursor: "nonsense".into(), ..ask("a") };
    assert_eq!(town.asks(ADA, nonsense).await.unwrap_err().fields[0].field, "cursor");
}

#[tokio::test]
async fn a_cursor_is_good_for_its_person_and_question_only() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1]);
    for _ in 0..3 {
        town.says(ADA, 1, "goose egg");
    }
    town.catch_up().await;
    let page =
        |question: &str, cursor: &str| SearchMessagesRequest { limit: 2, cursor: cursor.into(), ..ask(question) };
    let cursor = town.asks(ADA, page("goose", "")).await.unwrap().next_cursor;
    assert_eq!(names(&town.asks(ADA, page("goose", &cursor)).await.unwrap()), [(1, 1)]);
    assert!(town.asks(ADA, page("egg", &cursor)).await.is_err());
    assert!(town.asks(BOB, page("goose", &cursor)).await.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn pages_together_are_the_whole_without_repeats(
        said in prop::collection::vec((0u8..4, any::<bool>(), any::<bool>()), 1..60),
        limit in 1u32..9,
        best in any::<bool>(),
        commits in 5usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempdir().unwrap();
            let mut town = Town::on(dir.path());
            // Of the last conversation Ada sees nothing; some messages she deleted.
            town.rooms([0, 1, 2]);
            let mut expected = Vec::new();
            for (index, &(number, match_it, deleted)) in said.iter().enumerate() {
                let seq = town.says(BOB, number, if match_it { "goose 鸿雁" } else { "duck" });
                if match_it && deleted {
                    town.journal.deleted.lock().insert((ADA, room(number), seq));
                } else if match_it && number < 3 {
                    expected.insert(0, (number, seq));
                }
                if index % commits == 0 {
                    town.log.settle().await.unwrap();
                }
            }
            town.catch_up().await;
            let order = if best { SearchOrder::Best } else { SearchOrder::Newest };
            let (mut found, mut cursor) = (Vec::new(), String::new());
            for _ in 0..200 {
                let request = SearchMessagesRequest { limit, cursor, order: order.into(), ..ask("鸿雁 goose") };
                let reply = town.asks(ADA, request).await.unwrap();
                found.extend(names(&reply));
                cursor = reply.next_cursor;
                if cursor.is_empty() {
                    break;
                }
            }
            if best {
                found.sort_unstable();
                expected.sort_unstable();
            }
            assert_eq!(found, expected);
        });
    }
}
