//! One's own profile, and how others see it.

use anser_tests::{png, png_of};

use super::{
    client::{Fields, field},
    town::{
        GET_CONVERSATIONS, GET_FRIENDS, GET_MEMBERS, GET_USER_INFO, LOG_IN, Old, PASSWORD, SET_AVATAR, SET_DESCRIPTION,
        SET_NICKNAME, Signed, Town,
    },
};

/// The sides of a JPEG, from the first frame's head.
fn sides(jpeg: &[u8]) -> (u16, u16) {
    assert_eq!(&jpeg[..2], [0xff, 0xd8], "a JPEG");
    let mut rest = &jpeg[2..];
    loop {
        let (marker, length) = (rest[1], usize::from(u16::from_be_bytes([rest[2], rest[3]])));
        if (0xc0..=0xc2).contains(&marker) {
            return (u16::from_be_bytes([rest[7], rest[8]]), u16::from_be_bytes([rest[5], rest[6]]));
        }
        rest = &rest[2 + length..];
    }
}

async fn sets(who: &Old, what: Signed, value: impl AsRef<[u8]>) -> String {
    who.refused(what, &[field(4, value)]).await
}

#[tokio::test]
async fn names_and_signatures() {
    let Some(town) = Town::start().await else { return };
    let (alice, _bob, _) = town.friends("alice", "bob").await;
    assert_eq!(sets(&alice, SET_DESCRIPTION, "飞鸿踏雪泥 🪶").await, "");
    assert_eq!(sets(&alice, SET_DESCRIPTION, "x".repeat(300)).await, "更新数据库用户签名失败!");
    assert_eq!(sets(&alice, SET_NICKNAME, "bob").await, "更新数据库用户昵称失败!");
    for name in ["", &"a".repeat(22)] {
        assert_eq!(sets(&alice, SET_NICKNAME, name).await, "用户名长度不合法！");
    }
    assert_eq!(sets(&alice, SET_NICKNAME, "countess").await, "");
    // Whose id a request names is all the same.
    let me = alice.does(GET_USER_INFO, &[field(2, "somebody else")]).await.sub(4);
    assert_eq!((me.text(1), me.text(2), me.text(3)), (alice.id.clone(), "countess".into(), "飞鸿踏雪泥 🪶".into()));
    assert!(!me.has(4) && !me.has(5), "neither phone nor face");
    // The name is what she logs in with, over either API.
    let old = town.asks(LOG_IN, &[field(2, "alice"), field(3, PASSWORD)]).await;
    assert_eq!(old.errmsg(), "用户名或密码错误!");
    let again = town.log_in("countess").await;
    assert_eq!(again.id, alice.id);
    let profile = town.over_our_api(&again).await.client.profile().await.unwrap();
    assert_eq!((profile.username.as_str(), profile.nickname.as_str()), ("countess", "countess"));
    assert_eq!(town.person("alice").await.name, "alice", "the name that she gave up is free");
}

#[tokio::test]
async fn a_face_is_small_wherever_it_is_shown() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    for garbage in [&b""[..], b"no picture", b"\x89PNG\r\n\x1a\n and then nothing", b"<svg onload='alert(1)'/>"] {
        assert_eq!(sets(&alice, SET_AVATAR, garbage).await, "更新数据库用户头像ID失败!");
    }
    assert_eq!(sets(&alice, SET_AVATAR, png(700, 300)).await, "");
    alice.says(&room, "how do I look?").await;

    let mut seen: Vec<(&str, Vec<u8>)> = vec![("herself", alice.does(GET_USER_INFO, &[]).await.sub(4).bytes(5))];
    let face_of_alice = |people: Vec<Fields>| people.iter().find(|who| who.text(1) == alice.id).unwrap().bytes(5);
    seen.push(("friends", face_of_alice(bob.does(GET_FRIENDS, &[]).await.subs(4))));
    seen.push(("members", face_of_alice(bob.does(GET_MEMBERS, &[field(4, &room)]).await.subs(4))));
    seen.push(("conversations", bob.does(GET_CONVERSATIONS, &[]).await.sub(4).bytes(5)));
    seen.push(("messages", bob.recent(&room).await[0].sub(4).bytes(5)));
    for (place, face) in &seen {
        assert!(face.len() <= 6 << 10 && *face == seen[0].1, "{place}: {} bytes", face.len());
        let (width, height) = sides(face);
        assert!(width == height && width <= 96, "{place}: {width} × {height}");
    }

    // Another face takes its place at once, and whole lists stay small.
    assert_eq!(sets(&alice, SET_AVATAR, png_of(40, 40, 0x20)).await, "");
    let other = alice.does(GET_USER_INFO, &[]).await.sub(4).bytes(5);
    assert!(other != seen[0].1 && sides(&other).0 <= 96);
    assert_eq!(face_of_alice(bob.does(GET_FRIENDS, &[]).await.subs(4)), other);
    let new = town.over_our_api(&bob).await;
    let avatar = new.client.user(alice.id.parse().unwrap()).await.unwrap().avatar;
    assert!(!avatar.is_empty(), "the same face over our own API");
}
