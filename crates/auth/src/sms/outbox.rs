//! For development: codes go to a file that only its owner may read, a JSON object a line.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anser_contract::json::Word;
use anser_contract::v1::CodePurpose;
use anser_types::Error;
use serde::Serialize;
use tokio::time::Instant;

use super::{Sms, SmsFailure, SmsProvider};

/// Writes each message to a file.
pub struct SmsOutbox {
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    phone: &'a str,
    code: &'a str,
    purpose: &'a str,
    at: i64,
}

impl SmsOutbox {
    /// An outbox that appends to `path`; a file that is there already is closed to others.
    pub fn new(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if path.exists() {
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        }
        Ok(Self { path })
    }
}

#[async_trait::async_trait]
impl SmsProvider for SmsOutbox {
    async fn send(&self, sms: &Sms, _: Instant) -> Result<(), SmsFailure> {
        let purpose = CodePurpose::WORDS.get(sms.purpose as usize).copied().unwrap_or_default();
        let line = Line { phone: &sms.phone, code: &sms.code, purpose, at: sms.at };
        let not_sent = |_| SmsFailure::NotSent(Error::unavailable("codes cannot be written to the outbox"));
        let mut line = serde_json::to_vec(&line).map_err(|_| SmsFailure::NotSent(Error::internal("a line of JSON")))?;
        line.push(b'\n');
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || append(&path, &line)).await;
        written.map_err(io::Error::other).and_then(|written| written).map_err(not_sent)
    }
}

/// One write a line, so that lines of several at once stay whole.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sms(code: &str) -> Sms {
        Sms { phone: "+8613800138000".into(), code: code.into(), purpose: CodePurpose::ResetPassword, at: 5 }
    }

    #[tokio::test]
    async fn each_message_is_a_line_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sms-outbox.jsonl");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let outbox = SmsOutbox::new(&path).unwrap();
        for code in ["000001", "000002"] {
            outbox.send(&sms(code), Instant::now()).await.unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], r#"{"phone":"+8613800138000","code":"000001","purpose":"reset_password","at":5}"#);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
        outbox.send(&sms("000003"), Instant::now()).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_cannot_be_written_was_not_sent_and_is_not_told() {
        let outbox = SmsOutbox::new("/nowhere/at/all/sms-outbox.jsonl").unwrap();
        let failure = outbox.send(&sms("123456"), Instant::now()).await.unwrap_err();
        assert!(matches!(&failure, SmsFailure::NotSent(error) if error.retryable()), "{failure:?}");
        assert!(!format!("{failure:?} {:?}", sms("123456")).contains("138"));
    }
}
