//! `bench hostile`: how long acknowledgements take while hostile clients attack from many addresses, beside the same
//! minutes without them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    Common, Report,
    measure::{Span, Tally},
    report::round,
    send::exchange,
    server::Server,
    town::Town,
};

/// How hostile.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Pairs who go on talking
    #[arg(long, default_value_t = 16)]
    pub(crate) pairs: usize,
    /// What they send a second in all
    #[arg(long, default_value_t = 1_000)]
    pub(crate) rate: u32,
    /// Attackers of each kind, each from an address of its own in 127.1.0.0/16
    #[arg(long, default_value_t = 12)]
    pub(crate) attackers: u8,
    /// How long an attacker waits before it comes back
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub(crate) pause_ms: u64,
}

/// What an attacker does.
#[derive(Clone, Copy, Debug)]
enum Attack {
    SaysNothing,
    DripsHead,
    DripsBody,
    NeverReads,
    HalfHandshake,
    NeverGreets,
    HeaderFlood,
    PingFlood,
    Fragments,
    GiantFrame,
}

const ATTACKS: [Attack; 10] = [
    Attack::SaysNothing,
    Attack::DripsHead,
    Attack::DripsBody,
    Attack::NeverReads,
    Attack::HalfHandshake,
    Attack::NeverGreets,
    Attack::HeaderFlood,
    Attack::PingFlood,
    Attack::Fragments,
    Attack::GiantFrame,
];

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let town = Town::settle(&server, options.pairs + 1, options.pairs + 1).await?;
    let (honest, mallory) = town.pairs.split_at(options.pairs);
    let mut report = Report::new("hostile", common, &server.settings);
    report.given("pairs", options.pairs);
    report.given("rate", options.rate);
    report.given("attackers", usize::from(options.attackers) * ATTACKS.len());

    let phase = async |tally: &Arc<Tally>| {
        let span = Span::from_now(Duration::from_secs(common.warmup), Duration::from_secs(common.seconds));
        exchange(honest, common, 64, Some(options.rate), span, tally).await
    };
    let (calm, attacked) = (Tally::new(), Tally::new());
    let mut unanswered = phase(&calm).await?.unanswered;

    let tokens = mallory[0].sender.client.tokens().context("nobody is logged in")?;
    let target = server.url.trim_start_matches("http://").parse().context("the server's address")?;
    let counts = Arc::new(Counts::default());
    let memory = server.memory();
    let mut attackers = JoinSet::new();
    for (kind, attack) in ATTACKS.into_iter().enumerate() {
        for number in 0..options.attackers {
            let attacker = Attacker {
                target,
                from: [127, 1, kind as u8 + 1, number + 1],
                token: tokens.access_token.clone(),
                pause: Duration::from_millis(options.pause_ms),
                counts: counts.clone(),
            };
            attackers.spawn(async move { attacker.go_on(attack).await });
        }
    }
    unanswered += phase(&attacked).await?.unanswered;
    let memory_then = server.memory();
    attackers.shutdown().await;

    let (calm, attacked) = (calm.latencies(), attacked.latencies());
    report.latency("ack_in_peace", &calm);
    report.latency("ack_under_attack", &attacked);
    let p99 = |latencies: &hdrhistogram::Histogram<u32>| latencies.value_at_quantile(0.99) as f64;
    report.figure("p99_times", round(p99(&attacked) / p99(&calm).max(1.0)));
    report.figure("attacks", counts.begun.load(Ordering::Relaxed));
    report.figure("attacks_cut_off", counts.ended.load(Ordering::Relaxed));
    report.figure("longest_attack_s", round(counts.longest_ms.load(Ordering::Relaxed) as f64 / 1_000.0));
    if let (Some(before), Some(after)) = (memory, memory_then) {
        report.figure("own_mib_before", before.own / 1024);
        report.figure("own_mib_under_attack", after.own / 1024);
    }
    if unanswered > 0 {
        report.fault(format!("{unanswered} sends were never answered"));
    }
    Ok(report)
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    longest_ms: AtomicU64,
}

struct Attacker {
    target: SocketAddr,
    from: [u8; 4],
    token: String,
    pause: Duration,
    counts: Arc<Counts>,
}

impl Attacker {
    /// Attacks, is cut off, and comes back.
    async fn go_on(&self, attack: Attack) {
        loop {
            let began = Instant::now();
            self.counts.begun.fetch_add(1, Ordering::Relaxed);
            // That it fails is what it deserves; how is for the tests to look at.
            let _cut_off = self.attack(attack).await;
            self.counts.ended.fetch_add(1, Ordering::Relaxed);
            self.counts.longest_ms.fetch_max(began.elapsed().as_millis() as u64, Ordering::Relaxed);
            sleep(self.pause).await;
        }
    }

    async fn attack(&self, attack: Attack) -> std::io::Result<()> {
        match attack {
            Attack::SaysNothing => read_to_end(self.connect().await?).await,
            Attack::DripsHead => self.drip("GET / HTTP/1.1\r\nx: ").await,
            Attack::DripsBody => {
                let head = "POST /v1/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                            content-length: 9999\r\n\r\n";
                self.drip(head).await
            }
            Attack::NeverReads => {
                let mut stream = self.connect().await?;
                let request = b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(100);
                loop {
                    stream.write_all(&request).await?;
                }
            }
            Attack::HalfHandshake => {
                let mut stream = self.connect().await?;
                stream.write_all(b"GET /v1/ws HTTP/1.1\r\nhost: a\r\nupgrade: webs").await?;
                read_to_end(stream).await
            }
            Attack::NeverGreets => read_to_end(self.web_socket().await?).await,
            Attack::HeaderFlood => {
                let mut stream = self.connect().await?;
                stream.write_all(b"GET / HTTP/1.1\r\n").await?;
                loop {
                    stream.write_all(b"x-header: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n").await?;
                }
            }
            Attack::PingFlood => self.greet_and(frame(0x89, b"x").repeat(500)).await,
            Attack::Fragments => self.greet_and([frame(0x01, b"x"), frame(0x00, b"x").repeat(1_500)].concat()).await,
            Attack::GiantFrame => {
                self.greet_and([&[0x82, 0xff][..], &(1u64 << 40).to_be_bytes(), &[0; 4]].concat()).await
            }
        }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        socket.set_recv_buffer_size(4 << 10)?;
        socket.connect(self.target).await
    }

    async fn drip(&self, head: &str) -> std::io::Result<()> {
        let mut stream = self.connect().await?;
        stream.write_all(head.as_bytes()).await?;
        loop {
            stream.write_all(b"x").await?;
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn web_socket(&self) -> std::io::Result<TcpStream> {
        let mut stream = self.connect().await?;
        let head = "GET /v1/ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    sec-websocket-protocol: anser.v1.json\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await?);
        }
        Ok(stream)
    }

    async fn greet_and(&self, bytes: Vec<u8>) -> std::io::Result<()> {
        let mut stream = self.web_socket().await?;
        let hello = format!(r#"{{"hello":{{"access_token":"{}"}}}}"#, self.token);
        stream.write_all(&frame(0x81, hello.as_bytes())).await?;
        stream.write_all(&bytes).await?;
        read_to_end(stream).await
    }
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

/// Waits until the server has cut the connection.
async fn read_to_end(mut stream: TcpStream) -> std::io::Result<()> {
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    ended.map(drop).map_err(std::io::Error::other)
}
