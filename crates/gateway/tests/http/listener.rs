//! The accept loop: places, time-outs, upgrades, and a gentle end.

use std::{net::SocketAddr, time::Duration};

use anser_gateway::{
    Connection, ListenerOptions,
    listener::{Pace, Patience, take_socket},
    serve,
};
use axum::{Router, extract::Request, response::IntoResponse, routing::get};
use http::{StatusCode, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn start(options: ListenerOptions) -> Served {
    let router =
        Router::new().route("/", get(async || "hello")).route("/slow", get(slow)).route("/upgrade", get(upgrade));
    let router = router.route("/large", get(async || vec![0; 32 << 20]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(serve(listener, router, shutdown.clone(), options));
    Served { address, shutdown, ended }
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "slow"
}

/// Answers one byte for each byte, over the bare socket.
async fn upgrade(mut request: Request) -> impl IntoResponse {
    let upgrade = hyper::upgrade::on(&mut request);
    let connection = request.extensions().get::<Connection>().cloned();
    tokio::spawn(async move {
        let (mut stream, _) = take_socket(upgrade.await.unwrap()).unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).await.unwrap_or(0) == 1 {
            stream.write_all(&byte).await.unwrap();
        }
        drop(connection);
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")])
}

async fn ask(stream: &mut TcpStream, path: &str, more: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    ended.is_ok()
}

#[tokio::test]
async fn the_bare_socket_is_handed_over_and_keeps_its_place() {
    let served = start(ListenerOptions { max_connections: 1, ..ListenerOptions::default() }).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    let answer = ask(&mut first, "/upgrade", "connection: upgrade\r\nupgrade: echo\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    first.write_all(b"x").await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'x');

    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert!(is_closed(&mut second).await, "there is one place, and the upgraded socket has it");

    drop(first);
    for attempt in 0.. {
        let mut third = TcpStream::connect(served.address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let told = third.write_all(request).await.is_ok() && third.read_to_end(&mut answer).await.is_ok();
        if told && answer.starts_with(b"HTTP/1.1 200") {
            break;
        }
        assert!(attempt < 100, "the place was never free again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server that is patient with everything but what `change` makes short.
async fn impatient(change: impl FnOnce(&mut Patience)) -> Served {
    let hour = Duration::from_secs(3_600);
    let pace = Pace { grace: hour, bytes_per_second: 1 };
    let mut patience = Patience { first_byte: hour, header: hour, idle: hour, pace };
    change(&mut patience);
    start(ListenerOptions { patience, ..ListenerOptions::default() }).await
}

const MOMENT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn who_connects_and_says_nothing_is_closed() {
    let served = impatient(|patience| patience.first_byte = MOMENT).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    assert!(is_closed(&mut silent).await);
}

#[tokio::test]
async fn who_drips_a_head_is_closed_however_steadily() {
    let served = impatient(|patience| patience.header = MOMENT).await;
    let mut dribbling = TcpStream::connect(served.address).await.unwrap();
    let drips = async {
        dribbling.write_all(b"GET / HTTP/1.1\r\nx: ").await?;
        loop {
            dribbling.write_all(b"y").await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended: Result<std::io::Result<()>, _> = tokio::time::timeout(Duration::from_secs(5), drips).await;
    assert!(ended.is_ok_and(|ended| ended.is_err()));
}

#[tokio::test]
async fn who_asks_nothing_more_is_closed() {
    let served = impatient(|patience| patience.idle = MOMENT).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    assert!(ask(&mut idle, "/", "").await.starts_with("HTTP/1.1 200"));
    assert!(is_closed(&mut idle).await);
}

#[tokio::test]
async fn who_does_not_take_the_answer_is_closed() {
    let served = impatient(|patience| patience.pace.grace = MOMENT).await;
    let mut deaf = TcpStream::connect(served.address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // As long as the server holds the connection, this side can write into it.
    let ended = tokio::time::timeout(Duration::from_secs(5), async {
        while deaf.write_all(b"\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(ended.await.is_ok());
}

#[tokio::test]
async fn a_slow_answer_is_not_a_slow_client() {
    let served = impatient(|patience| {
        (patience.first_byte, patience.header, patience.idle) = (MOMENT, MOMENT, MOMENT);
    })
    .await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert!(ask(&mut stream, "/slow", "").await.ends_with("slow"));
}

#[tokio::test]
async fn an_address_has_its_share_of_the_places() {
    let served = start(ListenerOptions { max_connections_per_source: 1, ..ListenerOptions::default() }).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    assert!(ask(&mut first, "/", "").await.starts_with("HTTP/1.1 200"));
    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert!(is_closed(&mut second).await);
    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut neighbour = elsewhere.connect(served.address).await.unwrap();
    assert!(ask(&mut neighbour, "/", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn heads_have_a_size() {
    let served = start(ListenerOptions { max_header_bytes: 8 << 10, ..ListenerOptions::default() }).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let answer = ask(&mut stream, "/", &format!("x: {}\r\n", "y".repeat(9 << 10))).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn open_requests_end_before_the_server_does() {
    let served = start(ListenerOptions::default()).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    assert!(ask(&mut idle, "/", "").await.starts_with("HTTP/1.1 200"));
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    let answer = tokio::spawn(async move { ask(&mut busy, "/slow", "").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.shutdown.cancel();
    served.ended.await.unwrap().unwrap();
    assert!(answer.await.unwrap().ends_with("slow"));
    assert!(is_closed(&mut idle).await);
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let drain_timeout = Duration::from_millis(50);
    let served = start(ListenerOptions { drain_timeout, ..ListenerOptions::default() }).await;
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.shutdown.cancel();
    served.ended.await.unwrap().unwrap();
    let mut rest = Vec::new();
    assert_eq!(busy.read_to_end(&mut rest).await.unwrap_or(0), 0);
}
