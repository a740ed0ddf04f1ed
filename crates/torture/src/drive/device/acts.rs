//! The random things that a device does.

use std::sync::atomic::Ordering;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::Device;
use crate::drive::{
    session::{Asked, Intent, Session},
    world::lock,
};

impl Device {
    /// Does something. `true` if that was to go away.
    pub(super) async fn act(&mut self, session: &mut Session) -> Result<bool> {
        let habits = self.world.habits.clone();
        let weights = [60, 8, 2, 10, habits.syncs, 3, habits.stalls, habits.disconnects, habits.files, habits.changes];
        match self.dice.weighted(&weights) {
            0 => self.say(session).await?,
            1 => self.repeat(session, false).await?,
            2 => self.repeat(session, true).await?,
            3 => self.read(session).await?,
            4 => self.look_back(session).await?,
            5 => session.socket.send(&json!({"ping": {}})).await?,
            6 => sleep(Duration::from_millis(self.dice.below(habits.stall.as_millis() as usize) as u64)).await,
            7 => return Ok(true),
            8 => self.files(),
            _ => self.change(session).await?,
        }
        Ok(false)
    }

    pub(super) fn some_conversation(&mut self) -> Option<String> {
        let all = self.knowledge.conversations();
        self.dice.pick(&all).cloned()
    }

    async fn say(&mut self, session: &mut Session) -> Result<()> {
        let Some(conversation) = self.some_conversation() else { return Ok(()) };
        if session.open.len() > 32 || self.again.len() > 16 || Instant::now() < self.hushed_until {
            return Ok(());
        }
        let over_http = self.dice.chance(12);
        for _ in 0..=self.dice.below(self.world.habits.burst) {
            let intent = self.new_intent(conversation.clone());
            self.recent.push_back(intent.clone());
            if self.recent.len() > 40 {
                self.recent.pop_front();
            }
            if over_http {
                self.send_over_http(intent);
            } else {
                self.send(session, intent).await?;
            }
        }
        Ok(())
    }

    /// Words that nobody else says, nor this device again.
    pub(super) fn new_words(&mut self) -> String {
        self.texts += 1;
        let rare = self.rare_word();
        format!("{} {} {rare} {}", self.login.device, self.texts, "~".repeat(self.dice.below(120)))
    }

    /// A word that nobody said before; it is known from now on that somebody may.
    pub(super) fn rare_word(&mut self) -> String {
        let word = format!("w{:016x}", self.dice.roll());
        lock(&self.world.said).push(word.clone());
        word
    }

    /// Words that are meant for somebody, or, rarely, for all.
    pub(super) fn meant_for_somebody(&mut self, text: String) -> Value {
        let world = self.world.clone();
        let named = self.dice.pick(&world.people).map(|person| &*person.id);
        let all = self.dice.chance(10);
        json!({"text": {"text": text}, "mentions": {"user_ids": [named], "all": all}})
    }

    fn new_intent(&mut self, conversation: String) -> Intent {
        let text = self.new_words();
        let content = match self.dice.below(10) {
            0 => json!({"custom": {"type": "poll", "payload": text, "fallback_text": "a poll"}}),
            1 | 2 => self.meant_for_somebody(text),
            _ => json!({"text": {"text": text}}),
        };
        Intent { conversation, cmid: self.dice.id(self.world.unix_ms()), content }
    }

    fn send_over_http(&mut self, intent: Intent) {
        if self.calls_open >= 8 {
            return self.try_again(intent, None);
        }
        self.calls_open += 1;
        let (world, person, back) = (self.world.clone(), self.person.clone(), self.returned.0.clone());
        tokio::spawn(async move {
            world.unacked.fetch_add(1, Ordering::SeqCst);
            let path = format!("/v1/conversations/{}/messages", intent.conversation);
            let body = json!({"client_msg_id": intent.cmid, "content": intent.content});
            let answer = person.call("POST", &path, body).await;
            world.unacked.fetch_sub(1, Ordering::SeqCst);
            if answer.status == 0 {
                world.cut_off.fetch_add(1, Ordering::SeqCst);
            }
            if let Some(wait) = answer.retry_after() {
                sleep(wait).await;
            }
            // The device may be gone at the end of a run; then nobody waits for this.
            let _gone = back.send(answer.unknown().then_some(intent)).await;
        });
    }

    /// Sends something again that was sent before: the same, or other words under the same id.
    async fn repeat(&mut self, session: &mut Session, other_words: bool) -> Result<()> {
        let recent: Vec<Intent> = self.recent.iter().cloned().collect();
        let Some(mut intent) = self.dice.pick(&recent).cloned() else { return Ok(()) };
        if other_words {
            intent.content = json!({"text": {"text": format!("not {}", intent.cmid)}});
        }
        if self.dice.chance(20) {
            self.send_over_http(intent);
            return Ok(());
        }
        self.send(session, intent).await
    }

    /// Moves a read cursor, mostly forward.
    async fn read(&mut self, session: &mut Session) -> Result<()> {
        let Some(conversation) = self.some_conversation() else { return Ok(()) };
        let place = self.knowledge.places.get(&conversation).copied().unwrap_or_default();
        let reach = if self.dice.chance(30) { 40 } else { 4 };
        let back = self.dice.below(reach) as i64;
        let read_seq = (place - back).max(0);
        if self.dice.chance(25) {
            let person = self.person.clone();
            let path = format!("/v1/conversations/{conversation}/read");
            tokio::spawn(async move { person.call("PUT", &path, json!({"read_seq": read_seq})).await });
            return Ok(());
        }
        session.ask("read", json!({"conversation_id": conversation, "read_seq": read_seq}), Asked::Other).await
    }

    /// Reads heads or old pages once more, from places of any age.
    async fn look_back(&mut self, session: &mut Session) -> Result<()> {
        let Some(conversation) = self.some_conversation() else { return Ok(()) };
        let place = self.knowledge.places.get(&conversation).copied().unwrap_or_default();
        let after = if self.dice.chance(20) { 0 } else { place - self.dice.below(30) as i64 }.max(0);
        let limit = 1 + self.dice.below(60);
        let page = json!({"conversation_id": conversation, "after_seq": after});
        let (op, body): (&str, Value) = match self.dice.below(4) {
            0 => ("sync_heads", json!({})),
            1 => ("sync_heads", json!({"token": self.knowledge.heads_token})),
            2 => ("sync_conversations", json!({"items": [page]})),
            _ => ("sync_conversation", json!({"conversation_id": conversation, "after_seq": after, "limit": limit})),
        };
        session.ask(op, body, Asked::Other).await
    }
}
