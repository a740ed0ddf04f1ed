//! Hostile clients, from many addresses at once, while two people go on talking: whoever is slow, floods or breaks the
//! rules is gone soon, and costs the server no memory that stays.

use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use anser_tests::{Person, TestApp, until, within};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// What the server is told to bear, so that the test is short.
const IMPATIENT: &[&str] = &[
    "gateway.first_byte_timeout_ms=1000",
    "gateway.header_timeout_ms=1000",
    "gateway.idle_timeout_ms=2000",
    "gateway.body_timeout_ms=2000",
    "gateway.pace_grace_ms=1000",
    "gateway.hello_timeout_ms=1000",
    "gateway.slow_close_ms=2000",
    "gateway.connections_per_ip=40",
    "gateway.sockets_per_session=1000",
];
/// Attackers of each kind, each from an address of its own.
const OF_EACH: u8 = 12;
/// How long a bad connection may last.
const GONE: Duration = Duration::from_secs(15);
/// What all of them together may cost in memory that is not given back.
const MEMORY: u64 = 96 << 20;

type Attack = fn(Target) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Ends when the server has cut the connection in the way that its kind deserves.
const ATTACKS: &[(&str, Attack)] = &[
    ("says nothing", |target| Box::pin(says_nothing(target))),
    ("drips a head", |target| Box::pin(drips(target, "GET / HTTP/1.1\r\nx: "))),
    ("drips a body", |target| {
        Box::pin(drips(
            target,
            "POST /v1/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n",
        ))
    }),
    ("never reads", |target| Box::pin(never_reads(target))),
    ("stops in the middle of a handshake", |target| Box::pin(half_a_handshake(target))),
    ("never greets", |target| Box::pin(never_greets(target))),
    ("floods with headers", |target| Box::pin(floods_with_headers(target))),
    ("pings before the greeting", |target| Box::pin(pings_before_the_greeting(target))),
    ("pings after the greeting", |target| Box::pin(breaks(target, frame(0x89, b"x").repeat(500), 4429, "too much"))),
    ("sends one-byte fragments", |target| {
        let fragments = [frame(0x01, b"x"), frame(0x00, b"x").repeat(1_500)].concat();
        Box::pin(breaks(target, fragments, 4413, "too large"))
    }),
    ("sends empty fragments", |target| {
        let fragments = [frame(0x01, b""), frame(0x00, b"").repeat(1_500)].concat();
        Box::pin(breaks(target, fragments, 4413, "too large"))
    }),
    ("announces a giant frame", |target| {
        let giant = [&[0x82, 0xff][..], &(1u64 << 40).to_be_bytes(), &[0; 4]].concat();
        Box::pin(breaks(target, giant, 4413, "too large"))
    }),
];

#[tokio::test]
async fn hostile_clients_are_gone_soon_while_people_go_on_talking() {
    let Some(app) = TestApp::start_with(IMPATIENT).await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = bob.online().await;
    alice.says(conversation, "before").await;
    device.hears_text("before").await;
    let before = memory(&app).await;

    // Some attackers are signed in, but not as anybody who talks here.
    let mallory = app.person("mallory").await;
    let mut attacks = Vec::new();
    for (kind, (name, attack)) in ATTACKS.iter().enumerate() {
        for number in 0..OF_EACH {
            let target = Target::of(&app, &mallory, [127, 1, kind as u8 + 1, number + 1]);
            attacks.push(tokio::spawn(within(GONE, name, attack(target))));
        }
    }
    let mut said = 0;
    while attacks.iter().any(|attack| !attack.is_finished()) {
        said += 1;
        let text = format!("while they attack, {said}");
        alice.says(conversation, &text).await;
        device.hears_text(&text).await;
    }
    for attack in attacks {
        attack.await.unwrap();
    }
    assert!(said > 0, "they talked while they were attacked");
    let after = memory(&app).await;
    assert!(after < before + MEMORY, "{before} bytes before, {after} after");
    let metrics = metrics(&app).await;
    for reason in ["first_byte", "header", "body", "answer"] {
        let line = format!("anser_http_connections_closed_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&line), "{reason} is counted");
    }
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let Some(app) = TestApp::start_with(&["gateway.connections_per_ip=40"]).await else { return };
    let alice = app.person("alice").await;
    let target = Target { token: String::new(), ..Target::of(&app, &alice, [127, 1, 0, 1]) };
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(target.connect().await);
    }
    // The forty-first is closed at once, long before those that say nothing.
    let mut refused = target.connect().await;
    let ended = within(Duration::from_secs(5), "it is closed", read_to_end(&mut refused)).await;
    assert!(ended.is_empty());
    alice.client.profile().await.unwrap();
    drop(open);
    until("there are places again", || async {
        let mut stream = target.connect().await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.is_ok()
            && read_to_end(&mut stream).await.starts_with(b"HTTP/1.1 200")
    })
    .await;
}

/// Whom an attacker attacks, and as whom.
#[derive(Clone)]
struct Target {
    server: SocketAddr,
    from: [u8; 4],
    token: String,
}

impl Target {
    fn of(app: &TestApp, person: &Person, from: [u8; 4]) -> Self {
        let server = app.url().trim_start_matches("http://").parse().unwrap();
        Self { server, from, token: person.client.tokens().unwrap().access_token }
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((self.from, 0))).unwrap();
        // Little room on this side, so that who does not read is noticed early.
        socket.set_recv_buffer_size(4 << 10).unwrap();
        socket.connect(self.server).await.unwrap()
    }

    /// A WebSocket that has not been greeted.
    async fn web_socket(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let head = "GET /v1/ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    sec-websocket-protocol: anser.v1.json\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"));
        stream
    }
}

async fn says_nothing(target: Target) {
    let mut stream = target.connect().await;
    assert!(read_to_end(&mut stream).await.is_empty());
}

async fn drips(target: Target, beginning: &str) {
    let mut stream = target.connect().await;
    stream.write_all(beginning.as_bytes()).await.unwrap();
    while stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn never_reads(target: Target) {
    let mut stream = target.connect().await;
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(500);
    // The server stops reading too, so this stands still until it cuts the connection.
    while stream.write_all(&request).await.is_ok() {}
}

async fn half_a_handshake(target: Target) {
    let mut stream = target.connect().await;
    stream.write_all(b"GET /v1/ws HTTP/1.1\r\nhost: a\r\nupgrade: webs").await.unwrap();
    assert!(read_to_end(&mut stream).await.is_empty());
}

async fn never_greets(target: Target) {
    let mut stream = target.web_socket().await;
    assert_closed(&read_to_end(&mut stream).await, 4408, "authentication too late");
}

async fn floods_with_headers(target: Target) {
    let mut stream = target.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    // It is cut off in the middle, so not all of this is taken.
    let mut sent = 0;
    while stream.write_all(format!("x-{sent}: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n").as_bytes()).await.is_ok() {
        sent += 1;
        assert!(sent < 1_000_000, "the server reads heads without end");
    }
}

async fn pings_before_the_greeting(target: Target) {
    let mut stream = target.web_socket().await;
    stream.write_all(&frame(0x89, b"x").repeat(100)).await.unwrap();
    assert_closed(&read_to_end(&mut stream).await, 4429, "too much");
}

/// Greets as it must, and then sends what it may not.
async fn breaks(target: Target, bytes: Vec<u8>, code: u16, reason: &'static str) {
    let mut stream = target.web_socket().await;
    let hello = format!(r#"{{"hello":{{"access_token":"{}"}}}}"#, target.token);
    stream.write_all(&frame(0x81, hello.as_bytes())).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.windows(9).any(|part| part == b"\"welcome\""), "it was let in first");
    assert_closed(&answer, code, reason);
}

/// A client's frame; its mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length => {
            out.push(0xfe);
            out.extend((length as u16).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

#[track_caller]
fn assert_closed(answer: &[u8], code: u16, reason: &str) {
    let close = [&[0x88, 2 + reason.len() as u8][..], &code.to_be_bytes(), reason.as_bytes()].concat();
    assert!(answer.ends_with(&close), "{:?}", String::from_utf8_lossy(answer));
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    answer
}

async fn metrics(app: &TestApp) -> String {
    let answer = app.anonymous().call(Method::GET, "/metrics", None, &[]).await.unwrap();
    String::from_utf8(answer.body.to_vec()).unwrap()
}

async fn memory(app: &TestApp) -> u64 {
    let metrics = metrics(app).await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    line.unwrap().parse::<f64>().unwrap() as u64
}
