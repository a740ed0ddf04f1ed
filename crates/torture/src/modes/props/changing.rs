//! Steps of a history that change what stands: messages, rules, and who may talk to whom.

use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::story::Story;

impl Story<'_> {
    /// A message is edited, recalled or reacted to, by whom it may be or somebody else.
    pub(super) async fn something_changes(&mut self) -> Result<()> {
        let Some((conversation, seq, sender)) = self.dice.pick(&self.said).cloned() else { return Ok(()) };
        let path = format!("/v1/conversations/{conversation}/messages/{seq}");
        let anybody = [&self.host, &self.guest, &self.third][self.dice.below(3)].clone();
        match self.dice.below(10) {
            0..4 => {
                let body = json!({"content": self.words()});
                self.call(&format!("{seq} is edited"), &sender, "PATCH", path, body).await
            }
            4..6 => self.call(&format!("{seq} is recalled"), &anybody, "DELETE", path, Value::Null).await,
            kind => {
                self.reacted_at = Some(Instant::now());
                let method = if kind < 9 { "PUT" } else { "DELETE" };
                let step = format!("a reaction to {seq}");
                self.call(&step, &anybody, method, format!("{path}/reactions/👍"), Value::Null).await
            }
        }
    }

    pub(super) async fn guest_deletes(&mut self) -> Result<()> {
        let Some((conversation, seq, _)) = self.dice.pick(&self.said).cloned() else { return Ok(()) };
        let guest = self.guest.clone();
        let body = json!({"ranges": [{"from_seq": seq, "to_seq": seq + self.dice.below(3) as i64}]});
        let path = format!("/v1/conversations/{conversation}/messages:delete-for-me");
        self.call(&format!("the guest deletes {seq}"), &guest, "POST", path, body).await
    }

    pub(super) async fn rules_change(&mut self) -> Result<()> {
        let history = if self.dice.chance(50) { "all" } else { "joining" };
        let (host, body) = (self.host.clone(), json!({"history": history}));
        self.call(&format!("newcomers see {history}"), &host, "PATCH", self.group_path(""), body).await
    }

    pub(super) async fn somebody_blocks(&mut self) -> Result<()> {
        let (host, path) = (self.host.clone(), format!("/v1/blocks/{}", self.guest.id));
        let method = if self.dice.chance(40) { "PUT" } else { "DELETE" };
        self.call("the host blocks the guest, or no longer", &host, method, path, Value::Null).await
    }
}
