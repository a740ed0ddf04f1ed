//! Indexes that are gone, damaged, behind, ahead, or of another store.

use std::fs;

use tempfile::tempdir;

use super::*;

/// A town that knows three messages, closed again.
async fn three(dir: &Path) -> (Arc<FakeJournal>, Arc<FakePeople>) {
    let mut town = Town::on(dir);
    town.rooms([1]);
    for _ in 0..3 {
        town.says(ADA, 1, "goose");
    }
    town.people.is_called(ADA, "ada", "Ada");
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "goose").await.len(), 3);
    (town.journal.clone(), town.people.clone())
}

#[tokio::test]
async fn a_restart_goes_on_where_the_index_is() {
    let dir = tempdir().unwrap();
    let (journal, people) = three(dir.path()).await;
    journal.append(1, ADA, NOW + 10, text("goose"));
    let mut town = Town::with(dir.path(), [3; 16], journal, people);
    assert!(!town.search.is_late(), "nobody knows yet");
    assert!(town.asks(ADA, ask("goose")).await.unwrap().degraded);
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "goose").await.len(), 4, "nothing twice");
}

#[tokio::test]
async fn a_lost_or_damaged_index_is_made_again() {
    let harm: [fn(&Path); 5] = [
        |dir| fs::remove_dir_all(dir).unwrap(),
        |dir| fs::remove_file(dir.join("messages-1/meta.json")).unwrap(),
        |dir| fs::write(dir.join("messages-1/meta.json"), "{}").unwrap(),
        |dir| each_file(dir, |path| fs::write(path, b"").unwrap()),
        |dir| {
            each_file(dir, |path| {
                let bytes = fs::read(path).unwrap();
                fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            });
        },
    ];
    for (number, harm) in harm.into_iter().enumerate() {
        let dir = tempdir().unwrap();
        let (journal, people) = three(dir.path()).await;
        harm(dir.path());
        let mut town = Town::with(dir.path(), [3; 16], journal, people);
        town.catch_up().await;
        assert_eq!(town.finds(ADA, "goose").await.len(), 3, "harm {number}");
    }
}

fn each_file(dir: &Path, change: impl Fn(&Path)) {
    for entry in fs::read_dir(dir.join("messages-1")).unwrap() {
        let path = entry.unwrap().path();
        if !["meta.json", ".managed.json"].contains(&path.file_name().unwrap().to_str().unwrap()) {
            change(&path);
        }
    }
}

#[tokio::test]
async fn an_index_of_another_store_or_ahead_of_its_log_is_made_again() {
    let dir = tempdir().unwrap();
    let (journal, people) = three(dir.path()).await;
    // The store was restored: it has another name, and its log goes on otherwise.
    journal.entries.lock().truncate(1);
    for words in ["duck", "duck", "duck"] {
        journal.append(1, ADA, NOW + 10, text(words));
    }
    let mut town = Town::with(dir.path(), [4; 16], journal.clone(), people.clone());
    town.catch_up().await;
    assert_eq!((town.finds(ADA, "goose").await.len(), town.finds(ADA, "duck").await.len()), (1, 3));
    drop(town);
    // The same store, shorter than before.
    journal.entries.lock().truncate(1);
    let mut town = Town::with(dir.path(), [4; 16], journal, people);
    town.catch_up().await;
    assert_eq!((town.finds(ADA, "goose").await.len(), town.finds(ADA, "duck").await.len()), (1, 0));
}

#[tokio::test]
async fn while_an_index_is_made_answers_say_so() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1]);
    for _ in 0..1_500 {
        town.says(ADA, 1, "goose");
    }
    town.log.step().await.unwrap();
    assert!(town.search.is_late());
    assert!(town.asks(ADA, ask("goose")).await.unwrap().degraded);
    town.catch_up().await;
    assert!(!town.search.is_late());
    let reply = town.asks(ADA, ask("goose")).await.unwrap();
    assert!(!reply.degraded && reply.items.len() == 50);
    town.search.messages.volume.give_up();
    town.log.step().await.unwrap();
    assert!(town.search.is_late(), "given up, and begun again");
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "goose").await.len(), 50);
}

#[tokio::test]
async fn the_log_being_away_changes_nothing() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.rooms([1]);
    town.says(ADA, 1, "goose");
    *town.journal.away.lock() = true;
    assert!(town.log.settle().await.is_err());
    *town.journal.away.lock() = false;
    town.catch_up().await;
    assert_eq!(town.finds(ADA, "goose").await.len(), 1);
}

#[tokio::test]
async fn an_older_version_of_an_index_is_removed() {
    let dir = tempdir().unwrap();
    fs::create_dir_all(dir.path().join("messages-0/old")).unwrap();
    let mut town = Town::on(dir.path());
    town.catch_up().await;
    assert!(!dir.path().join("messages-0").exists() && dir.path().join("messages-1").exists());
}
