//! Files: sent and fetched, with what is in them in the record, so that the judge can compare. They hold ASCII text; some
//! begin as a picture or a recording does.

use serde_json::{Value, json};

use super::{Answer, Person};

/// The kinds of messages that hold files, and how such files begin.
pub const KINDS: [(&str, &str); 3] = [("file", ""), ("image", "GIF89a\u{1}\0\u{1}\0"), ("voice", "#!AMR\n")];

impl Person {
    /// Sends a file.
    pub async fn uploads(&self, name: &str, content: &str) -> Answer {
        let path = format!("/v1/files?name={name}");
        let token = self.token(&self.desk).await;
        let sending = async {
            let body = Some(("application/octet-stream", content.as_bytes().to_vec()));
            let (status, bytes) = self.http.exchange(&token, "POST", &path, body).await;
            Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() }
        };
        self.http.recorded(&self.id, "POST", &path, json!({"content": content}), sending).await
    }

    /// Fetches a file.
    pub async fn downloads(&self, file: &str) -> Answer {
        let path = format!("/v1/files/{file}/content");
        let token = self.token(&self.desk).await;
        let fetching = async {
            let (status, bytes) = self.http.exchange(&token, "GET", &path, None).await;
            let body = match status {
                200 => json!({"content": String::from_utf8_lossy(&bytes)}),
                _ => serde_json::from_slice(&bytes).unwrap_or_default(),
            };
            Answer { status, body }
        };
        self.http.recorded(&self.id, "GET", &path, Value::Null, fetching).await
    }
}
