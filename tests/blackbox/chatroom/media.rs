//! Pictures, files and sound: sent, pushed and listed by their ids, and fetched by those who may.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anser_client::v1::{Attachment, Voice, content::Kind};
use anser_tests::{file_id, png};

use super::{
    client::{Fields, field, number},
    town::{FILE_NOT_READ, GET_FILE, GET_FILES, GET_HISTORY, GET_RECENT, NEW_MESSAGE, Old, PUT_FILE, PUT_FILES, Town},
};

const NOT_STORED: &str = "文件数据存储失败！";
const TOO_MANY: &str = "文件数量过多！";

/// The content of a message of this kind.
fn content(message: &Fields) -> Fields {
    let arm = match message.sub(5).number(1) {
        1 => 5,
        2 => 3,
        3 => 4,
        kind => panic!("kind {kind}"),
    };
    message.sub(5).sub(arm)
}

fn data(name: &str, bytes: &[u8]) -> Vec<u8> {
    field(4, [field(1, name), number(2, bytes.len() as u64), field(3, bytes)].concat())
}

async fn gets(who: &Old, ids: &[String]) -> Vec<(String, Vec<u8>)> {
    let fields: Vec<_> = ids.iter().map(|id| field(4, id)).collect();
    let entries = who.does(GET_FILES, &fields).await.subs(4);
    let mut got: Vec<_> = entries.iter().map(|entry| (entry.text(1), entry.sub(2).bytes(2))).collect();
    assert!(entries.iter().all(|entry| entry.text(1) == entry.sub(2).text(1)));
    got.sort();
    got
}

#[tokio::test]
async fn media_are_named_in_lists_and_fetched_by_those_in_the_conversation() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let eve = town.person("eve").await;
    let mut bobs = bob.online().await;
    let picture = png(60, 40);
    let large: Vec<u8> = (0..3_000_000u32).map(|number| (number / 7) as u8).collect();
    let samples: Vec<u8> = (0..6_400u32).map(|number| number as u8).collect();
    // The optional id is there and empty, as the desktop client sends it; its size for a file may be a lie.
    alice.sends(&room, 1, 5, &[field(1, ""), field(2, &picture)]).await;
    let file = [field(1, ""), number(2, 7), field(3, "../../etc/计划 \0.bin"), field(4, &large)];
    alice.sends(&room, 2, 3, &file).await;
    alice.sends(&room, 3, 4, &[field(1, ""), field(2, &samples)]).await;

    let recent = bob.recent(&room).await;
    let kinds: Vec<u64> = recent.iter().map(|message| message.sub(5).number(1)).collect();
    assert_eq!(kinds, [1, 2, 3]);
    let ids: Vec<String> = recent.iter().map(|message| content(message).text(1)).collect();
    let file = content(&recent[1]);
    assert_eq!(file.number(2), 3_000_000, "its true size");
    assert!(!file.text(3).contains('/') && file.text(3).contains("计划"), "{:?}", file.text(3));
    for lean in [0, 1] {
        let asked = [field(2, &room), number(3, 50), number(7, lean)];
        assert_eq!(bob.does(GET_RECENT, &asked).await.subs(4), recent, "never the bytes, asked for or not");
        let asked = [field(2, &room), number(3, 0), number(4, 1 << 40), number(7, lean)];
        assert_eq!(bob.does(GET_HISTORY, &asked).await.subs(4), recent);
    }
    for (message, bytes_at) in recent.iter().zip([2, 4, 2]) {
        assert!(content(message).bytes(bytes_at).is_empty());
        let pushed = bobs.push(3).await.sub(6).sub(1);
        assert_eq!((pushed.text(1), content(&pushed)), (message.text(1), content(message)), "the push names it too");
    }

    let all = [&picture, &large, &samples];
    for (id, bytes) in ids.iter().zip(all) {
        for who in [&alice, &bob] {
            assert!(who.fetches(id).await.as_ref() == Some(bytes), "{id}");
        }
        assert_eq!(eve.fetches(id).await, None, "a stranger");
    }
    let mut expected: Vec<_> = ids.iter().cloned().zip(all.map(Clone::clone)).collect();
    expected.sort();
    let asked = [&ids[..], &["0".repeat(26), "../../etc/passwd".into()]].concat();
    assert!(gets(&bob, &asked).await == expected, "what does not exist fails nothing");
    assert!(gets(&eve, &ids).await.is_empty(), "what may not be read is left out");
    assert!(gets(&eve, &[]).await.is_empty());
    for nothing in ["", "../../etc/passwd", &bob.id, &room, &"0".repeat(26)] {
        assert_eq!(bob.refused(GET_FILE, &[field(2, nothing)]).await, FILE_NOT_READ, "{nothing}");
    }
    let many = vec![field(4, &ids[0]); 201];
    assert_eq!(bob.refused(GET_FILES, &many).await, TOO_MANY);

    // What is recalled is gone for others, and fails no list.
    let new = town.over_our_api(&alice).await;
    let seq = recent[0].text(1).rsplit('-').next().unwrap().parse().unwrap();
    new.client.recall(room.parse().unwrap(), seq).await.unwrap();
    assert_eq!(bob.fetches(&ids[0]).await, None);
    assert_eq!(bob.recent(&room).await.len(), 3);
    assert_eq!(gets(&bob, &ids).await.len(), 2);
}

#[tokio::test]
async fn files_are_stored_one_by_one_or_several_and_sent_later() {
    let Some(town) = Town::start_with(&["files.largest_mib=1"]).await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let too_large = vec![1; (1 << 20) + 1];
    let put = alice.does(PUT_FILE, &[data("a.txt", b"abc")]).await.sub(4);
    assert_eq!((put.text(1).len(), put.number(2), put.text(3), put.has(4)), (26, 3, "a.txt".into(), false));
    let id = put.text(1);
    assert_eq!((alice.fetches(&id).await, bob.fetches(&id).await), (Some(b"abc".to_vec()), None));
    let empty = alice.does(PUT_FILE, &[data("nothing", b"")]).await.sub(4).text(1);
    assert_eq!(alice.fetches(&empty).await, Some(Vec::new()));
    assert_eq!(alice.refused(PUT_FILE, &[data("x", &too_large)]).await, NOT_STORED);

    let several = alice.does(PUT_FILES, &[data("b", b"b"), data("x", &too_large), data("c", b"cc")]).await.subs(4);
    let stored: Vec<_> = several.iter().map(|info| (info.text(3), info.number(2), info.has(1))).collect();
    assert_eq!(stored, [("b".into(), 1, true), ("x".into(), 0, false), ("c".into(), 2, true)], "one that fails");
    assert_eq!(alice.fetches(&several[2].text(1)).await, Some(b"cc".to_vec()));
    assert_eq!(alice.refused(PUT_FILES, &[data("x", &too_large), data("y", &too_large)]).await, NOT_STORED);
    assert_eq!(alice.refused(PUT_FILES, &vec![data("x", b"x"); 201]).await, TOO_MANY);

    // Named in a message, it is Bob's to read; nobody sends what is somebody else's.
    let named = |id: &str| field(5, [number(1, 2), field(3, [field(1, id), field(3, "a.txt")].concat())].concat());
    for foreign in [&id, &"0".repeat(26)] {
        assert_eq!(bob.refused(NEW_MESSAGE, &[field(4, &room), named(foreign)]).await, FILE_NOT_READ);
    }
    alice.does(NEW_MESSAGE, &[field(4, &room), named(&id)]).await;
    assert_eq!(bob.fetches(&id).await, Some(b"abc".to_vec()));
    let large = field(5, [number(1, 1), field(5, field(2, &too_large))].concat());
    assert_eq!(alice.refused(NEW_MESSAGE, &[field(4, &room), large]).await, NOT_STORED);
}

/// The place of this content among the files of the store.
fn stands_at(folder: &Path, content: &[u8]) -> Option<PathBuf> {
    let places = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    places.into_iter().find_map(|place| match place.is_dir() {
        true => stands_at(&place, content),
        false => (fs::read(&place).is_ok_and(|bytes| bytes == content)).then_some(place),
    })
}

#[tokio::test]
async fn a_file_that_is_lost_fails_nothing_else() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let contents = [b"the first".to_vec(), b"the second".to_vec(), b"the third".to_vec()];
    for content in &contents {
        alice.sends(&room, 2, 3, &[field(3, "a.txt"), field(4, content)]).await;
    }
    let ids: Vec<String> = bob.recent(&room).await.iter().map(|message| content(message).text(1)).collect();
    for (lost, left) in [(0, 2), (2, 1)] {
        fs::remove_file(stands_at(&town.app.store_dir(), &contents[lost]).unwrap()).unwrap();
        assert_eq!(bob.refused(GET_FILE, &[field(2, &ids[lost])]).await, FILE_NOT_READ);
        let got = gets(&bob, &ids).await;
        assert!(got.len() == left && got.contains(&(ids[1].clone(), contents[1].clone())), "{got:?}");
        assert_eq!(bob.recent(&room).await.len(), 3);
    }
}

/// Sound as our own clients send it.
fn wav(rate: u32, samples: &[u8]) -> Vec<u8> {
    let length = samples.len() as u32;
    let head = [&b"RIFF"[..], &(36 + length).to_le_bytes(), b"WAVEfmt \x10\0\0\0\x01\0\x01\0", &rate.to_le_bytes()];
    [&head.concat()[..], &(2 * rate).to_le_bytes(), b"\x02\0\x10\0data", &length.to_le_bytes(), samples].concat()
}

#[tokio::test]
async fn media_cross_over_to_our_own_clients_and_back() {
    let Some(town) = Town::start().await else { return };
    let alice = town.person("alice").await;
    let new = town.over_our_api(&town.person("nina").await).await;
    assert_eq!(alice.applies_to(&new.id.to_string()).await.errmsg(), "");
    let request = new.client.friend_requests(false, 0, "").await.unwrap().items.remove(0).request.unwrap();
    new.client.accept_friend(request.request_id[..].try_into().unwrap()).await.unwrap();
    let room = alice.conversations().await[0].text(2);
    let conversation = room.parse().unwrap();

    // Bare samples are a WAV over there, which anything plays; a picture is described.
    let samples: Vec<u8> = (0..32_000u32).map(|number| number as u8).collect();
    alice.sends(&room, 3, 4, &[field(2, &samples)]).await;
    alice.sends(&room, 1, 5, &[field(2, png(60, 40))]).await;
    let entries = new.history(conversation).await;
    let mut seen = 0;
    for entry in &entries {
        match entry.content.as_ref().unwrap().kind.as_ref().unwrap() {
            Kind::Voice(voice) => {
                assert_eq!(voice.duration_ms, 1_000);
                let id: anser_types::FileId = voice.file_id[..].try_into().unwrap();
                assert!(new.fetches(&id.to_string()).await.unwrap() == wav(16_000, &samples));
                seen += 1;
            }
            Kind::Image(image) => {
                assert_eq!((image.width, image.height, image.media_type.as_str()), (60, 40, "image/png"));
                seen += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 2);

    let sends = async |kind: Kind| {
        let mut message = new.message(conversation, "");
        message.content = Some(kind.into());
        new.client.send(&message).await.unwrap();
        content(alice.recent(&room).await.last().unwrap())
    };
    let file = new.sends_file("plan.txt", "the plan").await;
    let shown =
        sends(Kind::File(Box::new(Attachment { file_id: file.file_id.clone(), ..Attachment::default() }))).await;
    assert_eq!((shown.text(1), shown.number(2), shown.text(3)), (file_id(&file), 8, "plan.txt".into()));
    assert_eq!(alice.fetches(&file_id(&file)).await, Some(b"the plan".to_vec()));
    // Sound that these clients can play reaches them as bare samples, other sound as a file.
    let voice = async |name: &str, bytes: Vec<u8>| {
        let file = new.sends_file(name, bytes).await;
        sends(Kind::Voice(Box::new(Voice { file_id: file.file_id.clone(), ..Voice::default() }))).await
    };
    let played = voice("note.wav", wav(16_000, &samples)).await;
    assert_eq!(alice.recent(&room).await.last().unwrap().sub(5).number(1), 3);
    assert!(alice.fetches(&played.text(1)).await.unwrap() == samples);
    assert!(gets(&alice, &[played.text(1)]).await == [(played.text(1), samples.clone())]);
    let kept = voice("music.wav", wav(44_100, &samples)).await;
    assert_eq!(kept.text(3), "music.wav");
    assert!(alice.fetches(&kept.text(1)).await.unwrap() == wav(44_100, &samples));
}
