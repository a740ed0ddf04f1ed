//! From the lines of a history to its facts: files that were sent, passed on and fetched, and what search answered.

use serde_json::Value;

use super::{
    facts::{Attempt, Outcome, Place},
    reading::{Asked, Reading, nack, read},
};
use crate::wire::{Content, frame};

/// A file that was sent.
#[derive(Debug)]
pub struct Upload {
    /// Whose it is.
    pub owner: String,
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub content: String,
}

/// An answer to who wanted a file.
#[derive(Debug)]
pub struct Download {
    /// Who wanted it.
    pub user: String,
    /// Which.
    pub file: String,
    /// What came; `None`: it was refused.
    pub content: Option<String>,
    /// Where the answer stands in the file.
    pub line: usize,
    /// Whether all was quiet.
    pub quiet: bool,
}

/// An answer of search.
#[derive(Debug)]
pub struct Search {
    /// Who searched.
    pub user: String,
    /// For which word.
    pub word: String,
    /// What was found.
    pub found: Vec<Place>,
    /// Whether the answer says that there may be more.
    pub degraded: bool,
    /// When it was asked for.
    pub invoked: usize,
    /// Where the answer stands in the file.
    pub line: usize,
    /// Whether all was quiet.
    pub quiet: bool,
}

impl Reading {
    /// What a call asks for, where that is about files or search.
    pub(super) fn fetch(&mut self, line: usize, user: &str, method: &str, path: &str, body: &Value) -> Option<Asked> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if let (Some(name), "POST") = (path.strip_prefix("/v1/files?name="), method) {
            return Some(Asked::Upload(name.to_owned(), text("content")));
        }
        if let Some(word) = path.strip_prefix("/v1/search/messages?q=") {
            return Some(Asked::Search(word.to_owned()));
        }
        if let Some(file) = path.strip_prefix("/v1/files/").and_then(|rest| rest.strip_suffix("/content")) {
            return Some(Asked::Download(file.to_owned()));
        }
        let to = path.strip_prefix("/v1/conversations/").and_then(|rest| rest.strip_suffix("/messages:forward"))?;
        let first = |name: &str| body.get(name).and_then(|list| list.get(0)).cloned().unwrap_or_default();
        let from = (text("from_conversation_id"), first("seqs").as_i64().unwrap_or_default());
        let cmid = first("client_msg_ids").as_str().unwrap_or_default().to_owned();
        // A message with a file says the same for as long as it says anything.
        let content = self.held.get(&from).cloned().unwrap_or(Content::Other);
        let key = (to.to_owned(), user.to_owned(), cmid);
        self.facts.attempts.push(Attempt { key, content, conn: None, invoked: line, outcome: None });
        Some(Asked::Forward(self.facts.attempts.len() - 1))
    }

    /// The answer to such a call; `lines`: where question and answer stand.
    pub(super) fn fetched(&mut self, lines: (usize, usize), user: &str, asked: Asked, status: u16, body: &Value) {
        let ((invoked, line), user, quiet) = (lines, user.to_owned(), self.quiet);
        let good = (200..300).contains(&status);
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        match asked {
            Asked::Upload(name, content) if good => {
                self.facts.uploads.insert(text("file_id").unwrap_or_default(), Upload { owner: user, name, content });
            }
            Asked::Download(file) => {
                let content = if status == 200 { text("content") } else { None };
                self.facts.downloads.push(Download { user, file, content, line, quiet });
            }
            Asked::Search(word) if good => {
                let items = body.get("items").and_then(Value::as_array).into_iter().flatten();
                let place = |item: &Value| {
                    let entry = item.get("entry")?;
                    Some((entry.get("conversation_id")?.as_str()?.to_owned(), entry.get("seq")?.as_i64()?))
                };
                let found = items.filter_map(place).collect();
                let degraded = body.get("degraded").and_then(Value::as_bool).unwrap_or_default();
                self.facts.searches.push(Search { user, word, found, degraded, invoked, line, quiet });
            }
            Asked::Forward(index) => {
                let problem = |body: &Value| read::<frame::Problem>(body.clone()).map(nack);
                let outcome: Option<Outcome> = match body.pointer("/outcomes/0") {
                    Some(one) if good => {
                        let ack = one.get("ack").and_then(|ack| read::<frame::SendAck>(ack.clone()));
                        ack.map(|ack| self.ack(line, ack)).or_else(|| problem(one.get("error")?))
                    }
                    _ => problem(body),
                };
                self.facts.attempts[index].outcome = outcome;
            }
            _ => {}
        }
    }
}
