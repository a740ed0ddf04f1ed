//! The list of conversations, groups, and who is in them.

use super::{
    client::{Fields, field},
    town::{CREATE_GROUP, GET_MEMBERS, NO_SUCH_USER, NOT_A_MEMBER, Old, Town, names, words},
};

async fn creates(who: &Old, name: &str, ids: &[&str]) -> Fields {
    let ids = ids.iter().map(|id| field(5, id));
    who.asks(CREATE_GROUP, &[field(4, name)].into_iter().chain(ids).collect::<Vec<_>>()).await
}

async fn members(who: &Old, room: &str) -> Result<Vec<String>, String> {
    let answered = who.asks(GET_MEMBERS, &[field(4, room)]).await;
    let people = answered.subs(4);
    assert!(people.iter().all(|person| !person.has(4)), "no phones");
    if answered.errmsg().is_empty() { Ok(names(&people)) } else { Err(answered.errmsg()) }
}

#[tokio::test]
async fn a_group_has_its_maker_and_friends_in_it_and_strangers_are_asked() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "gooseberry\n").unwrap();
    let words = format!("messaging.words_file={}", file.path().display());
    let Some(town) = Town::start_with(&[&words]).await else { return };
    let (alice, bob, _) = town.friends("alice", "bob").await;
    let (carol, eve) = (town.person("carol").await, town.person("eve").await);
    alice.befriends(&carol).await;
    for ids in [&[bob.id.as_str(), "nobody"][..], &[&bob.id, &"0".repeat(26)]] {
        assert_eq!(creates(&alice, "geese", ids).await.errmsg(), NO_SUCH_USER);
    }
    for name in [&"x".repeat(200), "two\nlines", "the gooseberry club"] {
        assert_eq!(creates(&alice, name, &[&bob.id, &carol.id]).await.errmsg(), "群聊名称不合法!");
    }
    // As the desktop client does it: always this name, itself among the members; some named twice.
    let made = creates(&alice, "新的群聊", &[&alice.id, &bob.id, &bob.id, &carol.id, &eve.id]).await;
    assert_eq!((made.errmsg(), made.has(4)), (String::new(), false), "the push says which");
    let group = alice.conversations().await.into_iter().find(|info| !info.has(1)).unwrap();
    assert_eq!((group.text(3), group.has(4)), ("新的群聊".into(), false), "nobody has said anything");
    let group = group.text(2);
    for who in [&alice, &bob, &carol] {
        let mut names = members(who, &group).await.unwrap();
        names.sort();
        assert_eq!(names, ["alice", "bob", "carol"]);
    }
    assert_eq!(members(&eve, &group).await, Err(NOT_A_MEMBER.into()));
    assert!(eve.conversations().await.is_empty());
    // Over our own API she says yes.
    let eves = town.over_our_api(&eve).await;
    eves.client.accept_invitation(group.parse().unwrap()).await.unwrap();
    assert_eq!(eve.conversations().await[0].text(2), group);
    eve.says(&group, "hello").await;
    // And whoever leaves is out of it.
    eves.client.leave(group.parse().unwrap()).await.unwrap();
    assert_eq!(members(&eve, &group).await, Err(NOT_A_MEMBER.into()));
    assert!(eve.conversations().await.is_empty(), "left out of the list");
    assert_eq!(creates(&bob, "", &[]).await.errmsg(), "", "alone, and without a name");
    assert!(bob.conversations().await.iter().any(|info| info.text(3) == "新的群聊" && info.text(2) != group));
}

#[tokio::test]
async fn the_list_is_newest_first_and_shows_who_and_what() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, with_bob) = town.friends("alice", "bob").await;
    let carol = town.person("carol").await;
    let with_carol = alice.befriends(&carol).await;
    assert_eq!(creates(&alice, "geese", &[&bob.id, &carol.id]).await.errmsg(), "");
    let group = alice.conversations().await.iter().find(|info| !info.has(1)).unwrap().text(2);
    for (room, who, text) in [(&with_carol, &carol, "one"), (&group, &bob, "two"), (&with_bob, &bob, "three")] {
        who.says(room, text).await;
    }
    let list = alice.conversations().await;
    let shown: Vec<_> = list.iter().map(|info| (info.text(2), info.text(1), info.text(3))).collect();
    assert_eq!(
        shown,
        [
            (with_bob, bob.id.clone(), "bob".into()),
            (group.clone(), String::new(), "geese".into()),
            (with_carol, carol.id.clone(), "carol".into()),
        ]
    );
    let last: Vec<_> = list.iter().map(|info| (words(&info.sub(4)), info.sub(4).sub(4).text(1))).collect();
    assert_eq!(last, [("three".into(), bob.id.clone()), ("two".into(), bob.id.clone()), ("one".into(), carol.id)]);
    for info in &list {
        let newest = info.sub(4);
        assert_eq!((newest.text(2), newest.sub(4).has(4)), (info.text(2), false));
        assert!(newest.text(1).starts_with(&format!("{}-", info.text(2))) && newest.number(3) > 1_700_000_000);
    }
    // A title that changes is news, and no message.
    let renamed = serde_json::json!({ "title": "swans" });
    town.over_our_api(&alice).await.client.change_group(group.parse().unwrap(), renamed).await.unwrap();
    let info = alice.conversations().await.into_iter().find(|info| info.text(2) == group).unwrap();
    assert_eq!((info.text(3), words(&info.sub(4))), ("swans".into(), "two".into()));
}
