//! The 28 calls: success, and each refusal in its own words.

use anser_contract::v1::{Card, Content, Text, Withdrawn, content::Kind};

use crate::{
    client::{Fields, call, field, http, number},
    world::{CODE, Town, words},
};

const UNKNOWN_SESSION: &str = "获取登录会话关联用户信息失败！";
const NOT_A_MEMBER: &str = "您不是该会话的成员!";
const NO_SUCH_USER: &str = "未找到用户信息!";
const FILE_NOT_READ: &str = "读取文件数据失败！";

/// Every call of a session, and where its request has the token.
const SIGNED: [(&str, u64); 23] = [
    ("/service/user/get_user_info", 3),
    ("/service/user/set_avatar", 3),
    ("/service/user/set_nickname", 3),
    ("/service/user/set_description", 3),
    ("/service/user/set_phone", 3),
    ("/service/friend/get_friend_list", 3),
    ("/service/friend/add_friend_apply", 2),
    ("/service/friend/add_friend_process", 5),
    ("/service/friend/remove_friend", 3),
    ("/service/friend/search_friend", 3),
    ("/service/friend/get_pending_friend_events", 2),
    ("/service/friend/get_chat_session_list", 2),
    ("/service/friend/create_chat_session", 2),
    ("/service/friend/get_chat_session_member", 2),
    ("/service/message_storage/get_recent", 6),
    ("/service/message_storage/get_history", 6),
    ("/service/message_storage/search_history", 3),
    ("/service/message_transmit/new_message", 3),
    ("/service/file/get_single_file", 4),
    ("/service/file/get_multi_file", 3),
    ("/service/file/put_single_file", 3),
    ("/service/file/put_multi_file", 3),
    ("/service/speech/recognition", 4),
];
const OPEN: [&str; 5] = [
    "/service/user/get_phone_verify_code",
    "/service/user/username_register",
    "/service/user/username_login",
    "/service/user/phone_register",
    "/service/user/phone_login",
];

fn text(text: &str) -> Content {
    Kind::Text(Text { text: text.into() }).into()
}

#[tokio::test]
async fn every_call_of_a_session_wants_one_that_there_is_at_its_own_number() {
    let town = Town::start().await;
    let alice = town.person("alice").await;
    for (path, token_at) in SIGNED {
        let nobody = call(town.address, path, &[field(token_at, "made up")]).await;
        assert_eq!(nobody.errmsg(), UNKNOWN_SESSION, "{path}");
        let known = alice.asks(path, token_at, &[]).await;
        assert!(known.number(2) == 1 || known.text(3) != UNKNOWN_SESSION, "{path}: {known:?}");
    }
    // The id of somebody who is online is no token.
    assert_eq!(call(town.address, SIGNED[0].0, &[field(3, &alice.id)]).await.errmsg(), UNKNOWN_SESSION);
    town.end(&alice.token);
    assert_eq!(alice.asks(SIGNED[0].0, 3, &[]).await.errmsg(), UNKNOWN_SESSION);
}

#[tokio::test]
async fn paths_methods_types_and_bodies_that_are_none() {
    let town = Town::start().await;
    for path in SIGNED.map(|(path, _)| path).iter().chain(&OPEN) {
        let garbage = http(town.address, &format!("POST {path} HTTP/1.1"), b"\xff\xff\xff").await;
        assert_eq!(garbage.status, 200, "{path}");
        assert!(Fields::of(&garbage.body).errmsg().ends_with("请求正文反序列化失败！"), "{path}");
        let asked =
            format!("OPTIONS {path} HTTP/1.1\r\norigin: http://page.example\r\naccess-control-request-method: POST");
        let preflight = http(town.address, &asked, b"").await;
        assert_eq!(preflight.status, 204);
        assert!(preflight.head.contains("access-control-allow-origin: *"), "{}", preflight.head);
        assert!(preflight.head.contains("access-control-allow-headers: content-type"), "{}", preflight.head);
    }
    let garbage = http(town.address, &format!("POST {} HTTP/1.1", OPEN[0]), b"\xff").await;
    assert_eq!(Fields::of(&garbage.body).errmsg(), "获取短信验证码请求正文反序列化失败！");
    assert_eq!(http(town.address, "POST /service/user/logout HTTP/1.1", b"").await.status, 404);
    assert_eq!(http(town.address, "GET / HTTP/1.1", b"").await.status, 404);
    let any_type = http(town.address, &format!("POST {} HTTP/1.1\r\ncontent-type: text/plain", OPEN[1]), b"").await;
    assert_eq!(Fields::of(&any_type.body).errmsg(), "用户名长度不合法！");
    let large = vec![0; (256 << 10) + 1];
    let large = http(town.address, &format!("POST {} HTTP/1.1", OPEN[1]), &large).await;
    assert_eq!(Fields::of(&large.body).errmsg(), "请求正文过大！");
}

#[tokio::test]
async fn accounts_by_name() {
    let town = Town::start().await;
    let register = async |name: &str, password: &str| {
        let fields = [field(2, name), field(3, password)];
        call(town.address, OPEN[1], &fields).await.errmsg()
    };
    assert_eq!(register("alice", "Passw123").await, "");
    assert_eq!(register("alice", "Passw123").await, "用户名被占用!");
    assert_eq!(register(&"a".repeat(21), "azAZ09").await, "", "what the older system refused by mistake");
    assert_eq!(register(&"a".repeat(22), "Passw123").await, "用户名长度不合法！");
    for password in ["short", "sixteen-letters-", "p@ssword"] {
        assert_eq!(register("bob", password).await, "密码格式不合法！", "{password}");
    }
    let login = async |name: &str, password: &str| {
        let fields = [field(2, name), field(3, password)];
        call(town.address, OPEN[2], &fields).await
    };
    assert_eq!(login("alice", "wrong-one").await.errmsg(), "用户名或密码错误!");
    assert_eq!(login("nobody", "Passw123").await.errmsg(), "用户名或密码错误!");
    let (first, second) = (login("alice", "Passw123").await, login("alice", "Passw123").await);
    assert_eq!((first.errmsg(), second.errmsg()), (String::new(), String::new()), "a second login is another session");
    assert_ne!(first.text(4), second.text(4));
}

#[tokio::test]
async fn accounts_by_phone() {
    let town = Town::start().await;
    let asked = async |number: &str| call(town.address, OPEN[0], &[field(2, number)]).await;
    assert_eq!(asked("12345").await.errmsg(), "手机号码格式错误!");
    assert_eq!(asked("13900000001").await.errmsg(), "操作过于频繁！");
    assert_eq!(asked("13900000002").await.errmsg(), "短信验证码发送失败!");
    let sent = asked("13800138000").await;
    assert_eq!(sent.errmsg(), "");
    let code_id = sent.text(4);
    let with = async |path: &str, number: &str, code_id: &str, code: &str| {
        let fields = [field(2, number), field(3, code_id), field(4, code)];
        call(town.address, path, &fields).await
    };
    let (register, login) = (OPEN[3], OPEN[4]);
    assert_eq!(with(login, "13800138000", &code_id, CODE).await.errmsg(), "该手机号未注册用户!");
    assert_eq!(with(register, "1", &code_id, CODE).await.errmsg(), "手机号码格式错误!");
    assert_eq!(with(register, "13800138000", &code_id, "000000").await.errmsg(), "验证码错误!");
    assert_eq!(with(register, "13800138000", "none", CODE).await.errmsg(), "验证码错误!");
    assert_eq!(with(register, "13800138000", &code_id, CODE).await.errmsg(), "");
    assert_eq!(with(register, "13800138000", &code_id, CODE).await.errmsg(), "该手机号已注册过用户!");
    assert_eq!(with(login, "1", &code_id, CODE).await.errmsg(), "手机号码格式错误!");
    assert_eq!(with(login, "13800138000", &code_id, "000000").await.errmsg(), "验证码错误!");
    let token = with(login, "13800138000", &code_id, CODE).await.text(4);
    let me = call(town.address, SIGNED[0].0, &[field(3, &token)]).await.sub(4);
    assert_eq!(me.text(4), "13800138000");

    let change = async |number: &str, code: &str| {
        let fields = [field(3, &token), field(4, number), field(5, &code_id), field(6, code)];
        call(town.address, "/service/user/set_phone", &fields).await.errmsg()
    };
    assert_eq!(change("13800138001", "000000").await, "验证码错误!");
    assert_eq!(change("13800138000", CODE).await, "更新数据库用户手机号失败!");
    assert_eq!(change("13800138001", CODE).await, "");
}

#[tokio::test]
async fn ones_own_profile() {
    let town = Town::start().await;
    let (alice, _bob) = (town.person("alice").await, town.person("bob").await);
    let set = async |path: &str, value: &[u8]| alice.asks(path, 3, &[field(4, value)]).await.errmsg();
    assert_eq!(set("/service/user/set_description", "飞鸿".as_bytes()).await, "");
    assert_eq!(set("/service/user/set_description", &[b'x'; 300]).await, "更新数据库用户签名失败!");
    assert_eq!(set("/service/user/set_nickname", b"bob").await, "更新数据库用户昵称失败!");
    assert_eq!(set("/service/user/set_nickname", &[b'x'; 22]).await, "用户名长度不合法！");
    assert_eq!(set("/service/user/set_nickname", b"countess").await, "");
    assert_eq!(set("/service/user/set_avatar", b"no picture").await, "更新数据库用户头像ID失败!");
    assert_eq!(set("/service/user/set_avatar", b"\x89PNG picture").await, "");
    // Whose id the request names is all the same.
    let me = alice.asks("/service/user/get_user_info", 3, &[field(2, "somebody else")]).await.sub(4);
    assert_eq!((me.text(1), me.text(2), me.text(3)), (alice.id.clone(), "countess".into(), "飞鸿".into()));
    assert_eq!(me.bytes(5), b"\xff\xd8small", "the small face");
    town.login("countess").await;
}

#[tokio::test]
async fn friends_from_asking_to_removing() {
    let town = Town::start().await;
    let (alice, bob, carol) = (town.person("alice").await, town.person("bob").await, town.person("carol").await);
    let apply = async |id: &str| alice.asks("/service/friend/add_friend_apply", 2, &[field(4, id)]).await;
    assert_eq!(apply(&alice.id).await.errmsg(), "不能申请添加自己为好友!");
    assert_eq!(apply("nobody").await.errmsg(), NO_SUCH_USER);
    assert_eq!(apply(&anser_types::Id([200; 16]).to_string()).await.errmsg(), NO_SUCH_USER);
    let applied = apply(&bob.id).await;
    assert_eq!((applied.errmsg(), applied.text(4).len()), (String::new(), 26));
    assert_eq!(apply(&bob.id).await.errmsg(), "已经申请过对方好友!");

    let pending = bob.asks("/service/friend/get_pending_friend_events", 2, &[]).await.subs(4);
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].sub(3).text(1), pending[0].sub(3).text(4)), (alice.id.clone(), String::new()));
    let process = async |agree: u64, from: &str| {
        let fields = [number(3, agree), field(4, from)];
        bob.asks("/service/friend/add_friend_process", 5, &fields).await
    };
    assert_eq!(process(1, &carol.id).await.errmsg(), "没有找到对应的好友申请事件!");
    let rejected = process(0, &alice.id).await;
    assert_eq!((rejected.errmsg(), rejected.has(4), rejected.text(4)), (String::new(), true, String::new()));
    let room = town.friends(&alice, &bob).await;
    assert_eq!(room.len(), 26);
    assert_eq!(process(1, &alice.id).await.errmsg(), "没有找到对应的好友申请事件!");
    assert_eq!(apply(&bob.id).await.errmsg(), "两者已经是好友关系!");

    let list = alice.asks("/service/friend/get_friend_list", 3, &[]).await.subs(4);
    assert_eq!((list.len(), list[0].text(2), list[0].text(4)), (1, "bob".into(), String::new()));
    let search = async |key: &str| {
        let found = alice.asks("/service/friend/search_friend", 3, &[field(2, key)]).await;
        assert_eq!(found.errmsg(), "");
        found.subs(4).iter().map(|person| person.text(2)).collect::<Vec<_>>()
    };
    assert_eq!(search("carol").await, ["carol"]);
    assert_eq!((search("bob").await.len(), search("alice").await.len(), search("").await.len()), (0, 0, 0));

    let remove = async |id: &str| alice.asks("/service/friend/remove_friend", 3, &[field(4, id)]).await.errmsg();
    assert_eq!(remove(&carol.id).await, "两者不是好友关系!");
    assert_eq!(remove(&bob.id).await, "");
    let conversations = alice.asks("/service/friend/get_chat_session_list", 2, &[]).await;
    assert!(!conversations.has(4), "the closed conversation is left out");
    assert_eq!(alice.says(&room, "hello?").await.errmsg(), "您不能在该会话中发送消息!");
}

#[tokio::test]
async fn conversations_and_their_people() {
    let town = Town::start().await;
    let (alice, bob, carol) = (town.person("alice").await, town.person("bob").await, town.person("carol").await);
    let room = town.friends(&alice, &bob).await;
    let create = async |name: &str, ids: &[&str]| {
        let mut fields = vec![field(4, name)];
        fields.extend(ids.iter().map(|id| field(5, id)));
        alice.asks("/service/friend/create_chat_session", 2, &fields).await
    };
    assert_eq!(create("geese", &[bob.id.as_str(), "nobody"]).await.errmsg(), NO_SUCH_USER);
    let made = create("新的群聊", &[&bob.id, &bob.id, &carol.id]).await;
    assert_eq!((made.errmsg(), made.has(4)), (String::new(), false), "the push says which");
    bob.says(&room, "hi").await;
    let list = alice.asks("/service/friend/get_chat_session_list", 2, &[]).await.subs(4);
    let direct = list.iter().find(|info| info.text(2) == room).unwrap();
    assert_eq!((direct.text(1), direct.text(3), words(&direct.sub(4))), (bob.id.clone(), "bob".into(), "hi".into()));
    let group = list.iter().find(|info| info.text(2) != room).unwrap();
    assert_eq!((group.has(1), group.text(3), group.has(4)), (false, "新的群聊".into(), false));

    let members = async |who: &crate::world::Resident| {
        who.asks("/service/friend/get_chat_session_member", 2, &[field(4, group.text(2))]).await
    };
    let names: Vec<String> = members(&bob).await.subs(4).iter().map(|person| person.text(2)).collect();
    assert_eq!(names, ["alice", "bob"], "its maker is in it, friends once, strangers are asked first");
    assert_eq!(members(&carol).await.errmsg(), NOT_A_MEMBER);
}

#[tokio::test]
async fn messages_in_order_and_as_they_now_stand() {
    let town = Town::start().await;
    let (alice, bob, carol) = (town.person("alice").await, town.person("bob").await, town.person("carol").await);
    let room = town.friends(&alice, &bob).await;
    for word in ["one", "two", "three", "four", "five"] {
        let sent = alice.says(&room, word).await;
        assert_eq!(sent.errmsg(), "");
        assert!(sent.text(4).starts_with(&format!("{room}-")));
    }
    let recent = bob.recent(&room, 4).await.subs(4);
    assert_eq!(recent.iter().map(words).collect::<Vec<_>>(), ["two", "three", "four", "five"], "oldest first");
    let last = &recent[3];
    assert_eq!((last.text(1), last.text(2), last.number(3)), (format!("{room}-5"), room.clone(), 1_700_000_004));
    assert_eq!(
        (last.sub(4).text(1), last.sub(4).text(2), last.sub(4).text(4)),
        (alice.id.clone(), "alice".into(), String::new())
    );

    let history = async |who: &crate::world::Resident, from: u64, until: u64| {
        let fields = [field(2, &room), number(3, from), number(4, until)];
        who.asks("/service/message_storage/get_history", 6, &fields).await
    };
    let between = history(&bob, 1_700_000_001, 1_700_000_003).await.subs(4);
    assert_eq!(between.iter().map(words).collect::<Vec<_>>(), ["two", "three", "four"], "both ends are in it");
    let search = async |who: &crate::world::Resident, key: &str| {
        who.asks("/service/message_storage/search_history", 3, &[field(4, &room), field(5, key)]).await
    };
    assert_eq!(search(&bob, "o").await.subs(4).iter().map(words).collect::<Vec<_>>(), ["one", "two", "four"]);
    assert_eq!((search(&bob, "").await.errmsg(), search(&bob, "").await.has(4)), (String::new(), false));
    for refused in [carol.recent(&room, 5).await, history(&carol, 0, 1).await, search(&carol, "one").await] {
        assert_eq!((refused.errmsg(), refused.has(4)), (NOT_A_MEMBER.into(), false));
    }
    assert_eq!(carol.says(&room, "me too").await.errmsg(), NOT_A_MEMBER);
    assert_eq!(alice.says("nowhere", "hi").await.errmsg(), NOT_A_MEMBER);
    assert_eq!(alice.says(&room, "").await.errmsg(), "消息内容不能为空!");

    town.becomes(1, text("ONE"));
    town.becomes(2, Kind::Withdrawn(Withdrawn::default()).into());
    town.said(&room, &bob, Kind::Card(Box::new(Card { title: "a goose".into(), ..Card::default() })).into());
    town.forget(&alice);
    let recent = bob.recent(&room, 50).await.subs(4);
    let now: Vec<String> = recent.iter().map(words).collect();
    assert_eq!(now, ["ONE", "This message was recalled", "three", "four", "five", "[card] a goose"]);
    assert_eq!(recent[0].sub(4).text(2), "已注销用户", "who is gone fails nothing");
    town.limit_sends();
    assert_eq!(bob.says(&room, "hi").await.errmsg(), "操作过于频繁！");
}

#[tokio::test]
async fn the_same_message_again_is_the_same_message() {
    let town = Town::start().await;
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    let room = town.friends(&alice, &bob).await;
    let again = town.login("alice").await;
    let picture = field(5, [number(1, 1), field(5, field(2, b"\x89PNG"))].concat());
    let fields = [field(4, &room), picture, field(6, "m-1")];
    let path = "/service/message_transmit/new_message";
    let (first, second) = (alice.asks(path, 3, &fields).await, again.asks(path, 3, &fields).await);
    assert_eq!((first.errmsg(), first.text(4)), (String::new(), second.text(4)));
    assert_eq!(bob.recent(&room, 50).await.subs(4).len(), 1);
    bob.asks(path, 3, &fields).await;
    assert_eq!(bob.recent(&room, 50).await.subs(4).len(), 2, "another person's is another");
}

#[tokio::test]
async fn media_go_by_their_id_to_those_who_may_read_them() {
    let town = Town::start().await;
    let (alice, bob, carol) = (town.person("alice").await, town.person("bob").await, town.person("carol").await);
    let room = town.friends(&alice, &bob).await;
    let large: Vec<u8> = (0..5_000_000u32).map(|number| number as u8).collect();
    let send = async |kind: u64, arm: u64, content: Vec<u8>| {
        let message = field(5, [number(1, kind), field(arm, content)].concat());
        let sent = alice.asks("/service/message_transmit/new_message", 3, &[field(4, &room), message]).await;
        assert_eq!(sent.errmsg(), "");
    };
    // The optional id is there and empty, as these clients send it.
    send(1, 5, [field(1, ""), field(2, b"\x89PNG bytes")].concat()).await;
    let file = [field(1, ""), number(2, 5_000_000), field(3, "a.bin"), field(4, &large)].concat();
    send(2, 3, file).await;
    send(3, 4, [field(1, ""), field(2, [1, 2, 3, 4])].concat()).await;
    let recent = bob.recent(&room, 50).await.subs(4);
    let arms = [5, 3, 4];
    let ids: Vec<String> = (0..3).map(|at| recent[at].sub(5).sub(arms[at]).text(1)).collect();
    assert!(recent.iter().zip(arms).all(|(message, arm)| message.sub(5).sub(arm).bytes(2).is_empty() || arm == 3));
    assert!(!recent[1].sub(5).sub(3).has(4), "never the bytes");

    let get = async |who: &crate::world::Resident, id: &str| {
        who.asks("/service/file/get_single_file", 4, &[field(2, id)]).await
    };
    let content = async |id: &str| get(&bob, id).await.sub(4).bytes(2);
    assert_eq!(content(&ids[0]).await, b"\x89PNG bytes");
    assert!(content(&ids[1]).await == large);
    assert_eq!(content(&ids[2]).await, [1, 2, 3, 4], "bare samples, as they came");
    for refused in [get(&carol, &ids[0]).await, get(&bob, "../../etc/passwd").await, get(&bob, &bob.id).await] {
        assert_eq!(refused.errmsg(), FILE_NOT_READ);
    }

    town.lose(&ids[0]);
    let list: Vec<Vec<u8>> = ids.iter().map(|id| field(4, id)).collect();
    let several = bob.asks("/service/file/get_multi_file", 3, &list).await;
    assert_eq!(several.errmsg(), "");
    let mut keys: Vec<String> = several.subs(4).iter().map(|entry| entry.text(1)).collect();
    keys.sort();
    let mut left = ids[1..].to_vec();
    left.sort();
    assert_eq!(keys, left, "one that is gone fails nothing");
    let sound = several.subs(4).into_iter().find(|entry| entry.text(1) == ids[2]).unwrap();
    assert_eq!((sound.sub(2).text(1), sound.sub(2).bytes(2)), (ids[2].clone(), vec![1, 2, 3, 4]));
    assert_eq!(bob.recent(&room, 50).await.subs(4).len(), 3);
}

#[tokio::test]
async fn files_are_stored_one_by_one_or_several_at_once() {
    let town = Town::start().await;
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    let data = |name: &str, bytes: &[u8]| field(4, [field(1, name), field(3, bytes)].concat());
    let put = alice.asks("/service/file/put_single_file", 3, &[data("a.txt", b"abc")]).await.sub(4);
    assert_eq!((put.number(2), put.text(3), put.has(4)), (3, "a.txt".into(), false));
    let got = alice.asks("/service/file/get_single_file", 4, &[field(2, put.text(1))]).await.sub(4);
    assert_eq!((got.text(1), got.bytes(2)), (put.text(1), b"abc".to_vec()));
    assert_eq!(bob.asks("/service/file/get_single_file", 4, &[field(2, put.text(1))]).await.errmsg(), FILE_NOT_READ);
    let too_large = vec![1; 17 << 20];
    let refused = alice.asks("/service/file/put_single_file", 3, &[data("x", &too_large)]).await;
    assert_eq!(refused.errmsg(), "文件数据存储失败！");
    let several = [data("b", b"b"), data("x", &too_large), data("c", b"cc")];
    let several = alice.asks("/service/file/put_multi_file", 3, &several).await;
    assert_eq!(several.errmsg(), "");
    let stored: Vec<(String, bool)> = several.subs(4).iter().map(|info| (info.text(3), info.has(1))).collect();
    assert_eq!(stored, [("b".into(), true), ("x".into(), false), ("c".into(), true)]);
    // Named in a message, it is the other one's to read.
    let room = town.friends(&alice, &bob).await;
    let file = field(5, [number(1, 2), field(3, [field(1, put.text(1)), field(3, "a.txt")].concat())].concat());
    alice.asks("/service/message_transmit/new_message", 3, &[field(4, &room), file]).await;
    let got = bob.asks("/service/file/get_single_file", 4, &[field(2, put.text(1))]).await.sub(4);
    assert_eq!(got.bytes(2), b"abc");
}

#[tokio::test]
async fn voice_to_text() {
    let town = Town::start().await;
    let alice = town.person("alice").await;
    let recognize = async |pcm: &[u8]| alice.asks("/service/speech/recognition", 4, &[field(2, pcm)]).await;
    assert_eq!(recognize(&[0; 3_200]).await.text(4), "ten four");
    assert_eq!(recognize(&[0]).await.errmsg(), "语音识别失败:too short");
}

#[tokio::test]
async fn who_asks_too_often_is_told_so() {
    let slow = |options: &mut anser_gateway::GatewayOptions| {
        options.allowances.read = anser_gateway::rates::Allowance { per_second: 1, burst: 2 };
    };
    let town = Town::start_with(slow).await;
    let alice = town.person("alice").await;
    let mut refused = String::new();
    for _ in 0..100 {
        refused = alice.asks(SIGNED[0].0, 3, &[]).await.errmsg();
        if !refused.is_empty() {
            break;
        }
    }
    assert_eq!(refused, "操作过于频繁！");
}
