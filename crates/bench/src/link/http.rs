//! One HTTP connection that asks for pages, one after the other.

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection that stays open.
pub struct Pages {
    stream: TcpStream,
    authority: String,
    token: String,
    buffer: Vec<u8>,
}

impl Pages {
    /// Connects to `url` as somebody.
    pub async fn open(url: &str, token: &str) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("an http:// address")?.to_owned();
        let stream = TcpStream::connect(&authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, authority, token: token.to_owned(), buffer: Vec::with_capacity(64 << 10) })
    }

    /// The body of `GET path`.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<&[u8]> {
        let (authority, token) = (&self.authority, &self.token);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let (body, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
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
        while self.buffer.len() < body + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        Ok(&self.buffer[body..body + length])
    }
}
