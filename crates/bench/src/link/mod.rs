//! A WebSocket as lean as a load generator needs it: no allocation for a frame, many frames in one system call.
//!
//! It shares the machine with the server it measures, so what it costs is missing there. [`codec`] writes and reads
//! the frames, [`Link`] moves the bytes. Everything is decoded; nothing is kept.

pub mod codec;
pub mod http;

use std::{cell::RefCell, io};

use anser_client::Encoding;
use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};

pub use codec::{Key, Seen, Send, id};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Larger buffers are given back when they are empty.
const KEPT: usize = 64 << 10;

/// Pushes, and bytes of them, that wait for one acknowledgement.
const ACK_EACH: u64 = 32;
const ACK_BYTES: usize = 48 << 10;
/// The longest header of a client's frame.
const HEADER: usize = 14;

thread_local! {
    /// Bytes are read here first: an idle link then holds no buffer at all.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 << 10]);
}

/// One greeted WebSocket.
pub struct Link {
    stream: TcpStream,
    encoding: Encoding,
    /// Bytes of a frame that is not complete.
    partial: Vec<u8>,
    out: Vec<u8>,
    mask: u32,
    /// The newest push that came, and the newest that was acknowledged.
    pushed: u64,
    acked: u64,
    /// Bytes of pushes that were not acknowledged.
    pushed_bytes: usize,
}

impl Link {
    /// Connects to `url` and greets with an access token.
    pub async fn open(url: &str, token: &str, device_id: &str, encoding: Encoding) -> anyhow::Result<Self> {
        timeout(HANDSHAKE_TIMEOUT, Self::greet(url, token, device_id, encoding)).await.context("greet")?
    }

    async fn greet(url: &str, token: &str, device_id: &str, encoding: Encoding) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("an http:// address")?;
        let mut stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {}\r\n\r\n",
            encoding.subprotocol()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        let end = loop {
            if stream.read_buf(&mut head).await? == 0 {
                bail!("the server closed during the handshake");
            }
            if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !head.starts_with(b"HTTP/1.1 101") {
            bail!("the handshake was refused: {}", String::from_utf8_lossy(&head[..end]).lines().next().unwrap_or(""));
        }
        let mut link = Self {
            stream,
            encoding,
            partial: head.split_off(end),
            out: Vec::new(),
            mask: rand::random::<u32>() | 1,
            pushed: 0,
            acked: 0,
            pushed_bytes: 0,
        };
        let hello = codec::hello(encoding, token, device_id)?;
        link.put(&hello);
        link.flush().await?;
        let mut welcome = false;
        while !welcome {
            link.read(|seen| welcome |= matches!(seen, Seen::Welcome)).await?;
        }
        Ok(link)
    }

    /// Queues a send.
    pub fn send(&mut self, send: &Send<'_>) -> anyhow::Result<()> {
        let start = self.begin();
        codec::send(self.encoding, send, &mut self.out)?;
        self.end(start);
        Ok(())
    }

    /// Queues an acknowledgement of all that came, if something came.
    pub fn ack(&mut self) -> anyhow::Result<()> {
        if self.pushed > self.acked {
            self.acked = self.pushed;
            self.pushed_bytes = 0;
            let start = self.begin();
            codec::ack(self.encoding, self.acked, &mut self.out)?;
            self.end(start);
        }
        Ok(())
    }

    /// The same once enough has come: long before the server's windows (256 pushes, 256 KiB) are full.
    pub fn ack_in_time(&mut self) -> anyhow::Result<()> {
        if self.pushed >= self.acked + ACK_EACH || self.pushed_bytes >= ACK_BYTES { self.ack() } else { Ok(()) }
    }

    /// Sends what was queued, in one system call where the socket takes it.
    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.out.clear();
            if self.out.capacity() > KEPT {
                self.out.shrink_to(KEPT);
            }
        }
        Ok(())
    }

    /// Waits until something can be read. Safe to drop.
    pub async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Waits for bytes and shows every frame in them.
    pub async fn read(&mut self, seen: impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
        if !self.partial.is_empty() && self.complete()? {
            return self.take(seen);
        }
        self.readable().await?;
        self.read_ready(seen)
    }

    /// Shows every frame that can be read without waiting.
    pub fn read_ready(&mut self, mut seen: impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            let read = match self.stream.try_read(scratch) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if self.partial.is_empty() {
                let used = self.frames(&scratch[..read], &mut seen)?;
                self.partial.extend_from_slice(&scratch[used..read]);
            } else {
                self.partial.extend_from_slice(&scratch[..read]);
                self.take(&mut seen)?;
            }
            Ok(())
        })
    }

    fn complete(&self) -> anyhow::Result<bool> {
        Ok(frame_length(&self.partial)?.is_some())
    }

    fn take(&mut self, mut seen: impl FnMut(Seen<'_>)) -> anyhow::Result<()> {
        let partial = std::mem::take(&mut self.partial);
        let used = self.frames(&partial, &mut seen)?;
        self.partial = partial;
        self.partial.drain(..used);
        if self.partial.is_empty() && self.partial.capacity() > 4096 {
            self.partial = Vec::new();
        }
        Ok(())
    }

    /// Shows the complete frames in `bytes` and answers how many bytes they were.
    fn frames(&mut self, bytes: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some((header, length)) = frame_length(&bytes[used..])? {
            let payload = &bytes[used + header..used + header + length];
            match bytes[used] {
                0x81 | 0x82 => {
                    let (pushed, pushed_bytes) = (&mut self.pushed, &mut self.pushed_bytes);
                    codec::decode(self.encoding, payload, &mut |what| {
                        if let Seen::Push(push_no) = what {
                            *pushed = push_no;
                            *pushed_bytes += length;
                        }
                        seen(what);
                    })?;
                }
                0x88 => bail!("closed: {}", close_reason(payload)),
                0x89 => {
                    // Masked with zeros; a ping has at most 125 bytes.
                    self.out.extend_from_slice(&[0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0]);
                    self.out.extend_from_slice(payload);
                }
                0x8a => {}
                other => bail!("a frame of kind {other:#x}"),
            }
            used += header + length;
        }
        Ok(used)
    }

    fn put(&mut self, payload: &[u8]) {
        let start = self.begin();
        self.out.extend_from_slice(payload);
        self.end(start);
    }

    /// Leaves room for the longest header; [`Link::end`] moves the payload if a shorter one does.
    fn begin(&mut self) -> usize {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; HEADER]);
        start
    }

    fn end(&mut self, start: usize) {
        let length = self.out.len() - start - HEADER;
        // Any key does for a program that is not a browser, as long as the server has to unmask.
        self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mask = self.mask.to_be_bytes();
        for four in self.out[start + HEADER..].chunks_mut(4) {
            for (byte, key) in four.iter_mut().zip(mask) {
                *byte ^= key;
            }
        }
        let kind = if self.encoding == Encoding::Json { 0x81 } else { 0x82 };
        let mut header = [kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let used = match length {
            0..=125 => {
                header[1] = 0x80 | length as u8;
                2
            }
            126..=0xffff => {
                header[1] = 0x80 | 126;
                header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                4
            }
            _ => {
                header[1] = 0x80 | 127;
                header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
                10
            }
        };
        header[used..used + 4].copy_from_slice(&mask);
        let gap = HEADER - used - 4;
        self.out.copy_within(start + HEADER.., start + HEADER - gap);
        self.out.truncate(self.out.len() - gap);
        self.out[start..start + used + 4].copy_from_slice(&header[..used + 4]);
    }
}

/// Header and payload length of the first frame, if all of it is there.
fn frame_length(bytes: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let [_, second, rest @ ..] = bytes else { return Ok(None) };
    if second & 0x80 != 0 {
        bail!("the server masked a frame");
    }
    let (header, length) = match (second & 0x7f, rest) {
        (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, usize::from(short)),
    };
    Ok((bytes.len() >= header + length).then_some((header, length)))
}

fn close_reason(payload: &[u8]) -> String {
    match payload {
        [a, b, reason @ ..] => format!("{} {}", u16::from_be_bytes([*a, *b]), String::from_utf8_lossy(reason)),
        _ => "without a code".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_three_kinds() {
        assert_eq!(frame_length(&[0x82, 3, 1, 2, 3]).unwrap(), Some((2, 3)));
        assert_eq!(frame_length(&[0x82, 3, 1, 2]).unwrap(), None);
        let mut long = vec![0x82, 126, 1, 0];
        assert_eq!(frame_length(&long).unwrap(), None);
        long.extend_from_slice(&[0; 256]);
        assert_eq!(frame_length(&long).unwrap(), Some((4, 256)));
        assert!(frame_length(&[0x82, 0x80, 0, 0, 0, 0]).is_err());
    }
}
