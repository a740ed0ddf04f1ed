//! What a device does to messages that stand already: its owner's and others', often the same that others change too.

use anyhow::Result;
use serde_json::{Value, json};

use super::Device;
use crate::drive::session::{Asked, Session};

/// The reactions that people have.
const EMOJI: &[&str] = &["👍", "❤️", "😂"];

/// How many of the latest messages people look at most.
const LATEST: usize = 4;

impl Device {
    /// Changes some message, or looks at how messages are.
    pub(super) async fn change(&mut self, session: &mut Session) -> Result<()> {
        if session.open.len() > 32 {
            return Ok(());
        }
        match self.dice.weighted(&[24, 12, 36, 4, 8, 4]) {
            0 => self.edit(session).await,
            1 => self.recall(session).await,
            2 => self.react(session).await,
            3 => self.delete_for_me(),
            4 => self.look_at_history(),
            _ => self.pin(),
        }
    }

    /// A message that was seen lately, mostly one of the very latest; `own`: one of the owner's.
    fn some_message(&mut self, own: bool) -> Option<(String, i64)> {
        let all: Vec<(String, i64)> = self
            .seen
            .iter()
            .rev()
            .filter(|(.., theirs)| !own || *theirs)
            .map(|(conversation, seq, _)| (conversation.clone(), *seq))
            .collect();
        let reach = if self.dice.chance(75) { LATEST.min(all.len()) } else { all.len() };
        self.dice.pick(&all[..reach]).cloned()
    }

    async fn edit(&mut self, session: &mut Session) -> Result<()> {
        let Some((conversation, seq)) = self.some_message(true) else { return Ok(()) };
        let text = self.new_words();
        let content =
            if self.dice.chance(30) { self.meant_for_somebody(text) } else { json!({"text": {"text": text}}) };
        if self.dice.chance(20) {
            let path = format!("/v1/conversations/{conversation}/messages/{seq}");
            self.call("PATCH", path, json!({"content": content}));
            return Ok(());
        }
        let body = json!({"conversation_id": conversation, "seq": seq, "content": content});
        session.ask("edit", body, Asked::Other).await
    }

    /// One's own, or as one who may perhaps, somebody else's.
    async fn recall(&mut self, session: &mut Session) -> Result<()> {
        let own = self.dice.chance(70);
        let Some((conversation, seq)) = self.some_message(own) else { return Ok(()) };
        if self.dice.chance(20) {
            self.call("DELETE", format!("/v1/conversations/{conversation}/messages/{seq}"), Value::Null);
            return Ok(());
        }
        session.ask("recall", json!({"conversation_id": conversation, "seq": seq}), Asked::Other).await
    }

    async fn react(&mut self, session: &mut Session) -> Result<()> {
        let Some((conversation, seq)) = self.some_message(false) else { return Ok(()) };
        let emoji = self.dice.pick(EMOJI).copied().unwrap_or_default();
        let remove = self.dice.chance(30);
        if self.dice.chance(15) {
            let method = if remove { "DELETE" } else { "PUT" };
            let path = format!("/v1/conversations/{conversation}/messages/{seq}/reactions/{emoji}");
            self.call(method, path, Value::Null);
            return Ok(());
        }
        let body = json!({"conversation_id": conversation, "seq": seq, "emoji": emoji, "remove": remove});
        session.ask("react", body, Asked::Other).await
    }

    /// Each message may be deleted by one person only, and by no owner in their own group: somebody must be left to read
    /// the log at the end.
    fn delete_for_me(&mut self) -> Result<()> {
        let Some((conversation, seq)) = self.some_message(false) else { return Ok(()) };
        let me = self.world.index_of(&self.person.id);
        let owned = self.world.groups().iter().any(|group| group.id == conversation && group.owner == me);
        let people = self.world.people.len() as i64;
        let mine = seq - (seq - me as i64).rem_euclid(people);
        if !owned && mine > 0 {
            let body = json!({"ranges": [{"from_seq": mine, "to_seq": mine}]});
            self.call("POST", format!("/v1/conversations/{conversation}/messages:delete-for-me"), body);
        }
        Ok(())
    }

    fn look_at_history(&mut self) -> Result<()> {
        let Some(conversation) = self.some_conversation() else { return Ok(()) };
        let limit = 1 + self.dice.below(50);
        self.call("GET", format!("/v1/conversations/{conversation}/messages?limit={limit}"), Value::Null);
        Ok(())
    }

    fn pin(&mut self) -> Result<()> {
        let Some((conversation, seq)) = self.some_message(false) else { return Ok(()) };
        let method = if self.dice.chance(60) { "PUT" } else { "DELETE" };
        self.call(method, format!("/v1/conversations/{conversation}/messages/{seq}/pin"), Value::Null);
        Ok(())
    }

    /// Calls over HTTP without waiting; the device counts it as open until it is answered.
    pub(super) fn call(&mut self, method: &'static str, path: String, body: Value) {
        if self.calls_open >= 8 {
            return;
        }
        self.calls_open += 1;
        let (person, back) = (self.person.clone(), self.returned.0.clone());
        tokio::spawn(async move {
            person.call(method, &path, body).await;
            // The device may be gone at the end of a run; then nobody waits for this.
            let _gone = back.send(None).await;
        });
    }
}
