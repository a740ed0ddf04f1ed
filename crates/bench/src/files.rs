//! `bench files`: files sent and fetched, beside copying as many bytes with `cp`; and what the server's memory does meanwhile.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Common, Report, report::round, server::Server, town::Crowd};

/// What is sent and read at once.
const CHUNK: usize = 256 << 10;
const MIB: u64 = 1 << 20;

/// Which files.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Sizes of files, in bytes
    #[arg(long, value_delimiter = ',', default_values_t = [4 << 10, 1 << 20, 1 << 30])]
    pub(crate) sizes: Vec<u64>,
    /// Bytes to send in all of one size, in MiB; at least one file, at most 1,000
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub(crate) volume: u64,
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let person = Crowd::gather(&server, 0).await?.host;
    let token = person.client.tokens().context("nobody is logged in")?.access_token;
    let mut report = Report::new("files", common, &server.settings);
    report.given("volume_mib", options.volume);

    let mut before = server.memory();
    let folder = server.data_dir().map(Path::to_owned);
    for &size in &options.sizes {
        let count = (options.volume * MIB / size.max(1)).clamp(1, 1_000);
        let (url, token) = (server.url.clone(), token.clone());
        let largest = Arc::new((AtomicU64::new(0), AtomicBool::new(false)));
        let seen = largest.clone();
        let transfers = tokio::task::spawn_blocking(move || {
            let outcome = transfer(&url, &token, size, count);
            seen.1.store(true, Ordering::Relaxed);
            outcome
        });
        while !largest.1.load(Ordering::Relaxed) && !transfers.is_finished() {
            if let Some(memory) = server.memory() {
                largest.0.fetch_max(memory.own, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (sent, fetched) = transfers.await??;
        let name = if size >= MIB { format!("{}_mib", size / MIB) } else { format!("{size}_bytes") };
        let bytes = (size * count) as f64;
        let speed = |took: Duration| round(bytes / MIB as f64 / took.as_secs_f64().max(1e-9));
        let each = |took: Duration| round(took.as_secs_f64() * 1e3 / count as f64);
        report.figure(&format!("{name}_files"), count);
        report.figure(&format!("{name}_upload_mib_per_second"), speed(sent));
        report.figure(&format!("{name}_upload_ms_each"), each(sent));
        report.figure(&format!("{name}_download_mib_per_second"), speed(fetched));
        report.figure(&format!("{name}_download_ms_each"), each(fetched));
        if let Some(folder) = &folder {
            let copied = copy(folder, size, count)?;
            report.figure(&format!("{name}_cp_mib_per_second"), speed(copied));
            report.figure(&format!("{name}_upload_to_cp"), round(copied.as_secs_f64() / sent.as_secs_f64()));
            report.figure(&format!("{name}_download_to_cp"), round(copied.as_secs_f64() / fetched.as_secs_f64()));
        }
        if let Some(first) = before {
            let grown = largest.0.load(Ordering::Relaxed).saturating_sub(first.own);
            report.figure(&format!("{name}_own_kib_more_at_most"), grown);
            before = server.memory().or(before);
        }
    }
    Ok(report)
}

/// Sends `count` files that differ, and fetches them again; how long each took in all.
fn transfer(url: &str, token: &str, size: u64, count: u64) -> anyhow::Result<(Duration, Duration)> {
    let mut wire = Wire::open(url, token)?;
    let mut ids = Vec::new();
    let begun = Instant::now();
    for number in 0..count {
        ids.push(wire.upload(size, number)?);
    }
    let sent = begun.elapsed();
    let begun = Instant::now();
    for id in &ids {
        ensure!(wire.download(id)? == size, "a file came back with another length");
    }
    Ok((sent, begun.elapsed()))
}

/// How long `cp` takes for as many files of this size, and the disk to have them.
fn copy(folder: &Path, size: u64, count: u64) -> anyhow::Result<Duration> {
    let folder = tempfile::Builder::new().prefix("cp-").tempdir_in(folder)?;
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let mut file = std::fs::File::create(&from)?;
    let chunk = noise(0);
    let mut left = size;
    while left > 0 {
        let next = left.min(CHUNK as u64) as usize;
        file.write_all(&chunk[..next])?;
        left -= next as u64;
    }
    file.sync_all()?;
    let begun = Instant::now();
    for _ in 0..count {
        ensure!(Command::new("cp").arg(&from).arg(&to).status()?.success(), "cp failed");
        std::fs::File::open(&to)?.sync_all()?;
        std::fs::remove_file(&to)?;
    }
    Ok(begun.elapsed())
}

/// A connection that stays open, and waits for each answer.
struct Wire {
    stream: TcpStream,
    authority: String,
    token: String,
}

impl Wire {
    fn open(url: &str, token: &str) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("an http:// address")?.to_owned();
        let stream = TcpStream::connect(&authority)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, authority, token: token.to_owned() })
    }

    /// With one request where that is allowed, else in parts; answers the file's id.
    fn upload(&mut self, size: u64, number: u64) -> anyhow::Result<String> {
        if size <= 32 * MIB {
            self.send("POST", "/v1/files?name=bench.bin", "application/octet-stream", size, number)?;
            return text(&self.answer()?, "file_id");
        }
        let wanted = json!({ "name": "bench.bin", "size": size }).to_string();
        let upload: Value = serde_json::from_slice(&self.ask("POST", "/v1/uploads", wanted.as_bytes())?)?;
        let id = upload["upload_id"].as_str().context("no id")?.to_owned();
        let part_bytes = upload["part_bytes"].as_u64().context("no size of parts")?;
        for part in 0..size.div_ceil(part_bytes) {
            let length = part_bytes.min(size - part * part_bytes);
            let path = format!("/v1/uploads/{id}/parts/{}", part + 1);
            self.send("PUT", &path, "application/octet-stream", length, number * 10_000 + part)?;
            self.answer()?;
        }
        text(&self.ask("POST", &format!("/v1/uploads/{id}:complete"), b"")?, "file_id")
    }

    fn download(&mut self, id: &str) -> anyhow::Result<u64> {
        self.head("GET", &format!("/v1/files/{id}/content"), "", 0)?;
        let (rest, length) = self.answered()?;
        let mut left = length - rest.len() as u64;
        let mut chunk = vec![0; CHUNK];
        while left > 0 {
            let most = chunk.len().min(left as usize);
            let read = self.stream.read(&mut chunk[..most])?;
            ensure!(read > 0, "the server closed the connection");
            left -= read as u64;
        }
        Ok(length)
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.head(method, path, "application/json", body.len() as u64)?;
        self.stream.write_all(body)?;
        self.answer()
    }

    fn send(&mut self, method: &str, path: &str, kind: &str, length: u64, number: u64) -> anyhow::Result<()> {
        self.head(method, path, kind, length)?;
        let chunk = noise(number);
        let mut left = length;
        while left > 0 {
            let next = left.min(CHUNK as u64) as usize;
            self.stream.write_all(&chunk[..next])?;
            left -= next as u64;
        }
        Ok(())
    }

    fn head(&mut self, method: &str, path: &str, kind: &str, length: u64) -> anyhow::Result<()> {
        let (authority, token) = (&self.authority, &self.token);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        Ok(self.stream.write_all(head.as_bytes())?)
    }

    fn answer(&mut self) -> anyhow::Result<Vec<u8>> {
        let (mut body, length) = self.answered()?;
        let begun = body.len();
        body.resize(length as usize, 0);
        self.stream.read_exact(&mut body[begun..])?;
        Ok(body)
    }

    /// What came of the body with the head, and how long the body is.
    fn answered(&mut self) -> anyhow::Result<(Vec<u8>, u64)> {
        let (mut head, mut chunk) = (Vec::new(), [0; 4 << 10]);
        loop {
            let read = self.stream.read(&mut chunk)?;
            ensure!(read > 0, "the server closed the connection");
            head.extend_from_slice(&chunk[..read]);
            let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let body = head.split_off(end + 4);
            let head = std::str::from_utf8(&head)?;
            if !head.starts_with("HTTP/1.1 2") {
                bail!("{}: {}", head.lines().next().unwrap_or_default(), String::from_utf8_lossy(&body));
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
            });
            return Ok((body, length.unwrap_or(0)));
        }
    }
}

fn text(body: &[u8], field: &str) -> anyhow::Result<String> {
    let answer: Value = serde_json::from_slice(body)?;
    Ok(answer[field].as_str().with_context(|| format!("no {field}"))?.to_owned())
}

/// Bytes that no two numbers share, so that nothing is stored only once.
fn noise(number: u64) -> Vec<u8> {
    let mut state = rand::random::<u64>() ^ number;
    let mut bytes = Vec::with_capacity(CHUNK);
    while bytes.len() < CHUNK {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ state >> 29).to_le_bytes());
    }
    bytes
}
