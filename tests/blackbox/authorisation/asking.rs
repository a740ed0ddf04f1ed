//! Asking, over HTTP or a WebSocket, and what was answered.

use anser_client::{Client, Encoding, Error, Hello, RawSocket};
use anser_tests::soon;
use serde_json::{Value, json};

use super::table::Request;

/// An answer, for comparing and for searching.
#[derive(Clone, Debug)]
pub struct Answered {
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// Of HTTP.
    pub status: Option<u16>,
    /// All that was heard: headers, body, frames.
    pub heard: String,
}

/// Asks through a client.
pub async fn ask(client: &Client, request: &Request) -> Answered {
    match request {
        Request::Http { method, path, body } => {
            let body: Option<Value> = body.as_ref().map(|body| serde_json::from_str(body).unwrap());
            let answer = client.call(method.clone(), path, body.as_ref(), &[]).await.unwrap();
            let text = String::from_utf8_lossy(&answer.body);
            let outcome = match answer.status {
                200..400 => outcome_of_success(&text),
                status => match answer.problem() {
                    Some(problem) => problem.code,
                    None => panic!("{request:?}: {status} without a problem document"),
                },
            };
            Answered { outcome, status: Some(answer.status), heard: format!("{:?} {text}", answer.headers) }
        }
        Request::Socket { op, body } => over_a_socket(client, op, body).await,
    }
}

/// Some calls do several things, each with an outcome of its own; the table asks for one.
fn outcome_of_success(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let first = ["items", "outcomes"].iter().find_map(|list| body[list].get(0));
    let code = first.and_then(|first| first["error"]["code"].as_str());
    code.unwrap_or("ok").to_owned()
}

const ID: u32 = 7;

/// The frame of a request.
pub fn frame(id: u32, op: &str, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    json!({ "request": { "id": id, op: body } }).to_string()
}

/// A socket, greeted; the greeting's answer is the first frame.
pub async fn greeted(client: &Client, resume: &str) -> RawSocket {
    let tokens = client.tokens().unwrap_or_default();
    let mut socket = RawSocket::connect(client.base(), Encoding::Json).await.unwrap();
    let hello = Hello { access_token: tokens.access_token, resume: resume.to_owned(), ..Hello::default() };
    socket.hello(hello).await.unwrap();
    socket
}

/// The request follows the greeting at once: a server that took it before it knew who asks would be caught.
async fn over_a_socket(client: &Client, op: &str, body: &str) -> Answered {
    let mut socket = greeted(client, "").await;
    let _ = socket.send_text(&frame(ID, op, body)).await;
    let mut heard = String::new();
    soon("an answer", async {
        loop {
            match socket.next_payload().await {
                Ok(payload) => {
                    let text = String::from_utf8_lossy(&payload);
                    heard.push_str(&text);
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["reply"]["id"] == ID {
                        break Answered { outcome: outcome_of(&frame["reply"]), status: None, heard };
                    }
                }
                Err(Error::Closed(closed)) => {
                    let outcome = match closed.code {
                        Some(4401 | 4410) => "unauthenticated".to_owned(),
                        other => format!("closed with {other:?}"),
                    };
                    break Answered { outcome, status: None, heard };
                }
                Err(error) => panic!("{op}: {error:?}"),
            }
        }
    })
    .await
}

/// What a reply says.
pub fn outcome_of(reply: &Value) -> String {
    match reply["error"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => outcome_of_success(&reply["sync_conversations"].to_string()),
    }
}
