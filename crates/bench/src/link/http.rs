//! One HTTP connection that asks for pages, one after the other. It blocks its thread: what it measures is shorter than
//! the millisecond in which an asynchronous timer counts.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context as _, bail};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// A connection that stays open.
pub struct Pages {
    stream: TcpStream,
    authority: String,
    token: String,
    buffer: Vec<u8>,
    /// How much of the buffer the answer fills so far.
    filled: usize,
}

impl Pages {
    /// Connects to `url` as somebody.
    pub fn open(url: &str, token: &str) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("an http:// address")?.to_owned();
        let stream = TcpStream::connect(&authority)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, authority, token: token.to_owned(), buffer: vec![0; CHUNK], filled: 0 })
    }

    /// The body of `GET path`.
    pub fn get(&mut self, path: &str) -> anyhow::Result<&[u8]> {
        let (authority, token) = (&self.authority, &self.token);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\r\n");
        self.stream.write_all(request.as_bytes())?;
        self.filled = 0;
        let (body, length) = loop {
            self.read_on()?;
            let answer = &self.buffer[..self.filled];
            if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&answer[..end])?;
                if !head.starts_with("HTTP/1.1 200") {
                    bail!("{}", head.lines().next().unwrap_or_default());
                }
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
                });
                break (end + 4, length.context("an answer without a length")?);
            }
        };
        while self.filled < body + length {
            self.read_on()?;
        }
        Ok(&self.buffer[body..body + length])
    }

    fn read_on(&mut self) -> anyhow::Result<()> {
        if self.buffer.len() - self.filled < CHUNK / 2 {
            self.buffer.resize(self.filled + CHUNK, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..])?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        self.filled += read;
        Ok(())
    }
}
