//! What stands around every call: paths, bodies, tokens, and a store that is away.

use anser_tests::{TestApp, soon, until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    client::{Answered, Fields, Pushes, call, field, http},
    town::{
        GET_CONVERSATIONS, GET_USER_INFO, LOG_IN, OPEN, Old, PASSWORD, PUT_FILE, REGISTER, SIGNED, Town,
        UNKNOWN_SESSION, free_address,
    },
};

const TOO_LARGE: &str = "请求正文过大！";

async fn posts(town: &Town, path: &str, more: &str, body: &[u8]) -> Answered {
    http(town.http, &format!("POST {path} HTTP/1.1{more}"), body).await
}

/// What an answer is refused with, whose request had no name that could be read.
fn nameless(answered: &Answered) -> String {
    assert_eq!(answered.status, 200);
    Fields::of(&answered.body).errmsg()
}

#[tokio::test]
async fn every_path_answers_posts_and_says_what_it_cannot_read() {
    let Some(town) = Town::start().await else { return };
    let mut names = Vec::new();
    for path in SIGNED.map(|(path, _)| path).iter().chain(&OPEN) {
        let refused = nameless(&posts(&town, path, "", b"\xff\xff\xff").await);
        names.push(refused.strip_suffix("请求正文反序列化失败！").unwrap_or_else(|| panic!("{refused}")).to_owned());
        let asked = format!(
            "OPTIONS {path} HTTP/1.1\r\norigin: http://page.example\r\naccess-control-request-method: POST\r\naccess-control-request-headers: content-type"
        );
        let preflight = http(town.http, &asked, b"").await;
        assert!(matches!(preflight.status, 200 | 204), "{path}");
        assert!(preflight.head.contains("access-control-allow-origin: *"), "{}", preflight.head);
        assert!(preflight.head.contains("access-control-allow-headers: content-type"), "{}", preflight.head);
    }
    names.sort();
    names.dedup();
    assert!(names.len() == 28 && names.contains(&"获取短信验证码".to_owned()), "{names:?}");

    for other in
        ["/service/user/logout", "/service/user/get_random_verify_code", "/service/friend/get_friend_info", "/"]
    {
        assert_eq!(posts(&town, other, "", b"").await.status, 404, "{other}");
    }
    assert_eq!(http(town.http, "GET / HTTP/1.1", b"").await.status, 404);
    assert_ne!(http(town.http, &format!("GET {} HTTP/1.1", LOG_IN), b"").await.status, 200);
    for any_type in ["", "\r\ncontent-type: text/plain", "\r\ncontent-type: application/json"] {
        assert_eq!(nameless(&posts(&town, REGISTER, any_type, b"").await), "用户名长度不合法！");
    }
    // The desktop client offers to take compressed answers; some fields are of later clients.
    let offers = "\r\naccept-encoding: zstd, br, gzip, deflate\r\naccept-language: en,*\r\nuser-agent: Mozilla/5.0";
    let body = [field(1, "R5c75eed5068f"), field(2, "ada"), field(3, PASSWORD), field(99, "from the future")].concat();
    let answered = posts(&town, REGISTER, offers, &body).await;
    let fields = Fields::of(&answered.body);
    assert_eq!((fields.text(1), fields.errmsg()), ("R5c75eed5068f".into(), String::new()));
}

#[tokio::test]
async fn every_call_of_a_session_wants_a_token_at_its_own_number() {
    let Some(town) = Town::start().await else { return };
    let alice = town.person("alice").await;
    for (path, token_at) in SIGNED {
        for token in ["", "5e55-10abcdef-0001", &alice.id] {
            let refused = call(town.http, path, &[field(token_at, token)]).await;
            assert_eq!(refused.errmsg(), UNKNOWN_SESSION, "{path}");
        }
        let elsewhere = call(town.http, path, &[field(token_at + 20, &alice.token)]).await;
        assert_eq!(elsewhere.errmsg(), UNKNOWN_SESSION, "{path}");
        let known = alice.asks((path, token_at), &[]).await;
        assert_ne!(known.text(3), UNKNOWN_SESSION, "{path}");
    }
}

#[tokio::test]
async fn bodies_have_a_size() {
    let Some(town) = Town::start().await else { return };
    let alice = town.person("alice").await;
    let small = vec![0; (256 << 10) + 1];
    for path in OPEN.into_iter().chain([GET_USER_INFO.0, GET_CONVERSATIONS.0]) {
        assert_eq!(nameless(&posts(&town, path, "", &small).await), TOO_LARGE, "{path}");
    }
    // 32 MiB to the byte, and one more.
    let body = |content: usize| {
        let data = [field(1, "large"), field(3, vec![7; content])].concat();
        [field(1, "R1"), field(PUT_FILE.1, &alice.token), field(4, data)].concat()
    };
    let overhead = body(32_000_000).len() - 32_000_000;
    let fits = posts(&town, PUT_FILE.0, "", &body((32 << 20) - overhead)).await;
    assert_eq!(Fields::of(&fits.body).errmsg(), "");
    let refused = posts(&town, PUT_FILE.0, "", &body((32 << 20) - overhead + 1)).await;
    assert_eq!(nameless(&refused), TOO_LARGE);
}

#[tokio::test]
async fn bodies_come_in_time() {
    let Some(town) = Town::start_with(&["gateway.pace_grace_ms=500"]).await else { return };
    let mut wire = TcpStream::connect(town.http).await.unwrap();
    let head = format!("POST {LOG_IN} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\n\x0a");
    wire.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon("the answer", wire.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(Fields::of(&answer[body..]).errmsg(), "请求正文接收超时！");
}

#[tokio::test]
async fn a_full_disk_takes_nobody_in() {
    let Some(town) = Town::start_with(&["store.grow_above_free_mib=1000000000"]).await else { return };
    let who = [field(2, "alice"), field(3, PASSWORD)];
    assert_eq!(town.asks(REGISTER, &who).await.errmsg(), "Mysql数据库新增数据失败!");
}

#[tokio::test]
async fn one_address_can_be_both() {
    let address = free_address();
    let (http, ws) = (format!("chatroom.http_listen={address}"), format!("chatroom.ws_listen={address}"));
    let Some(app) = TestApp::start_with(&["chatroom.enabled=true", &http, &ws]).await else { return };
    let town = Town { app, http: address, ws: address };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let mut socket = Pushes::open(address, &alice.token).await;
    bob.says(&room, "hi").await;
    socket.push(3).await;
}

#[tokio::test]
async fn where_the_store_is_away_it_is_said_and_it_passes() {
    let Some(town) = Town::start_split().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    alice.says(&room, "before").await;
    town.app.crash_store();
    let refused = async |who: &Old| who.refused(GET_USER_INFO, &[]).await;
    until("that it is away", async || refused(&alice).await == "未找到可提供业务处理的用户子服务节点！").await;
    let login = town.asks(LOG_IN, &[field(2, "alice"), field(3, PASSWORD)]).await;
    assert_eq!(login.errmsg(), "未找到可提供业务处理的用户子服务节点！");
    town.app.start_store_again();
    until("that it is back", async || refused(&alice).await.is_empty()).await;
    bob.says(&room, "after").await;
    assert_eq!(alice.reads(&room).await, ["before", "after"], "the sessions are good as ever");
}
