//! For fuzz targets only: the door's decoders that nobody else outside has to do with.

pub use crate::{
    frames::{BadFrame, Encoding, Inbound, put, read},
    http::ranges::{Asked, parse as asked_range},
    resume::{MeVersions, ResumePoint, StoreName},
};

/// The token of "everything about me" that `text` is, written again; `None`: it is none.
pub fn sync_token(text: &str) -> Option<String> {
    crate::sync_me::Token::parse(text).ok().map(crate::sync_me::Token::to_text)
}

/// The bytes as each of the chat-room clients' requests that they are, written again.
pub fn chatroom_said(bytes: &[u8]) -> Vec<Vec<u8>> {
    crate::chatroom::wire::said(bytes)
}

/// How a download's header says what the file is called.
pub fn disposition(name: &str, inline: bool) -> String {
    crate::http::file_content::disposition(name, inline)
}
