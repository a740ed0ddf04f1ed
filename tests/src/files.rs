//! Files that people send, over plain HTTP as any client would.

use anser_client::v1::File;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::Person;

/// Request headers.
pub type Headers<'h> = &'h [(&'h str, &'h str)];

impl Person {
    /// One call with bytes for a body.
    pub async fn calls(&self, method: Method, path: &str, headers: Headers<'_>, body: impl Into<Vec<u8>>) -> Response {
        let url = format!("{}{path}", self.client.base());
        let token = self.client.tokens().unwrap().access_token;
        let mut request = reqwest::Client::new().request(method, url).bearer_auth(token).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Sends a file with one request; answers it.
    pub async fn sends_file(&self, name: &str, body: impl Into<Vec<u8>>) -> File {
        let answer = self.calls(Method::POST, &format!("/v1/files?name={name}"), &[], body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What a call answers that should be JSON.
    pub async fn answered(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.client.call(method, path, body.as_ref(), &[]).await.unwrap();
        (answer.status, answer.value().unwrap_or_default())
    }

    /// The bytes of a file, if they may have it.
    pub async fn fetches(&self, file_id: &str) -> Option<Vec<u8>> {
        let answer = self.calls(Method::GET, &format!("/v1/files/{file_id}/content"), &[], "").await;
        // One that goes in this moment ends in the middle.
        if answer.status() == 200 { answer.bytes().await.ok().map(|bytes| bytes.to_vec()) } else { None }
    }
}

/// A file's id as text.
pub fn file_id(file: &File) -> String {
    anser_types::FileId::try_from(&file.file_id[..]).unwrap().to_string()
}

/// A grey picture, in the plainest form there is.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    png_of(width, height, 0x80)
}

/// The same in another shade.
pub fn png_of(width: u32, height: u32, shade: u8) -> Vec<u8> {
    let row = [&[0u8][..], &vec![shade; width as usize]].concat();
    let rows = row.repeat(height as usize);
    let mut data = vec![0x78, 0x01];
    let mut blocks = rows.chunks(60_000).peekable();
    while let Some(block) = blocks.next() {
        data.push(u8::from(blocks.peek().is_none()));
        data.extend((block.len() as u16).to_le_bytes());
        data.extend((!(block.len() as u16)).to_le_bytes());
        data.extend(block);
    }
    let (a, b) = rows.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    data.extend((b << 16 | a).to_be_bytes());
    let mut head = width.to_be_bytes().to_vec();
    head.extend(height.to_be_bytes());
    head.extend([8, 0, 0, 0, 0]);
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &head), &chunk(b"IDAT", &data), &chunk(b"IEND", b"")].concat()
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name, data].concat();
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(&named);
    chunk.extend(crc32(&named).to_be_bytes());
    chunk
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}
