//! What a device does with files: sends them, says them, passes them on, fetches them. And what it looks for by its words.

use serde_json::{Value, json};

use super::Device;
use crate::{
    drive::{files::KINDS, http::persist, session::Intent, world::lock},
    wire::{Content, frame::Entry},
};

/// Calls that a device has open at most.
const OPEN: usize = 8;
/// Files that it remembers.
const REMEMBERED: usize = 30;
/// A file's content is shorter than this, beside its beginning.
const LONGEST: usize = 20_000;

/// A file in a message.
#[derive(Clone, Debug)]
pub struct Held {
    conversation: String,
    seq: i64,
    file: String,
    /// A message with words is not passed on: its copy would still say them when it is recalled.
    wordless: bool,
}

impl Device {
    /// Notes what an entry holds.
    pub(super) fn look_at(&mut self, entry: &Entry) {
        if let Content::File(file, words) = Content::read(&entry.content) {
            let (conversation, seq) = (entry.conversation_id.clone(), entry.seq);
            self.held.push_back(Held { conversation, seq, file, wordless: words.is_empty() });
            if self.held.len() > REMEMBERED {
                self.held.pop_front();
            }
        }
    }

    /// Does something with files, or searches.
    pub(super) fn files(&mut self) {
        if self.calls_open >= OPEN {
            return;
        }
        match self.dice.weighted(&[5, 2, 3, 4]) {
            0 => self.send_file(),
            1 => self.pass_on(),
            2 => self.fetch(),
            _ => self.search(),
        }
    }

    /// Sends a file, and says it when it is there.
    fn send_file(&mut self) {
        let Some(conversation) = self.some_conversation() else { return };
        let (kind, start) = self.dice.pick(&KINDS).copied().unwrap_or_default();
        let rare = self.rare_word();
        let caption = if kind != "voice" && self.dice.chance(40) { self.new_words() } else { String::new() };
        let content = format!("{start}{rare}{}", "~".repeat(self.dice.below(LONGEST)));
        let cmid = self.dice.id(self.world.unix_ms());
        self.calls_open += 1;
        let (world, person, back) = (self.world.clone(), self.person.clone(), self.returned.0.clone());
        tokio::spawn(async move {
            let name = format!("{rare}.bin");
            let answer = persist(|| person.uploads(&name, &content)).await;
            let intent = answer.good().then(|| {
                let file = answer.text("file_id");
                lock(&world.files).push(file.to_owned());
                let held = match kind {
                    "voice" => json!({"file_id": file}),
                    _ => json!({"file_id": file, "caption": caption}),
                };
                Intent { conversation, cmid, content: json!({kind: held}) }
            });
            // The device may be gone at the end of a run; then nobody waits for this.
            let _gone = back.send(intent).await;
        });
    }

    fn pass_on(&mut self) {
        let wordless: Vec<Held> = self.held.iter().filter(|held| held.wordless).cloned().collect();
        let (Some(held), Some(to)) = (self.dice.pick(&wordless).cloned(), self.some_conversation()) else { return };
        let cmid = self.dice.id(self.world.unix_ms());
        let body = json!({"from_conversation_id": held.conversation, "seqs": [held.seq], "client_msg_ids": [cmid]});
        self.call("POST", format!("/v1/conversations/{to}/messages:forward"), body);
    }

    fn fetch(&mut self) {
        let all: Vec<Held> = self.held.iter().cloned().collect();
        let Some(held) = self.dice.pick(&all).cloned() else { return };
        self.calls_open += 1;
        let (person, back) = (self.person.clone(), self.returned.0.clone());
        tokio::spawn(async move {
            person.downloads(&held.file).await;
            let _gone = back.send(None).await;
        });
    }

    fn search(&mut self) {
        let word = {
            let said = lock(&self.world.said);
            self.dice.pick(&said).cloned()
        };
        if let Some(word) = word {
            self.call("GET", format!("/v1/search/messages?q={word}"), Value::Null);
        }
    }
}
