//! From the lines of a history to its facts: what people do to messages, groups and each other.

use serde_json::Value;

use super::{
    facts::*,
    reading::{Asked, Reading, read},
};
use crate::wire::{Content, frame};

/// How the answer to a call says what was turned.
pub(super) enum Turning {
    /// It worked, so it is so.
    On,
    /// The same for no longer.
    Off,
    /// Those whom the answer names came in.
    Named,
    /// Somebody came in, unless the answer says that they wait.
    UnlessWaiting,
    /// Perhaps.
    Perhaps,
    /// The answer names the link.
    Made,
}

impl Reading {
    /// What a call asks for, beside sending and reading.
    pub(super) fn act(&mut self, line: usize, user: &str, method: &str, path: &str, body: &Value) -> Option<Asked> {
        let path = path.split('?').next().unwrap_or(path);
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let me = user.to_owned();
        match (method, &*parts) {
            ("PATCH", ["conversations", at, "messages", seq]) => {
                let wish = Wish::Edit(Content::read(body.get("content").unwrap_or(&Value::Null)));
                Some(self.tries(line, me, place(at, seq), wish))
            }
            ("DELETE", ["conversations", at, "messages", seq]) => {
                Some(self.tries(line, me, place(at, seq), Wish::Recall))
            }
            ("PUT" | "DELETE", ["conversations", at, "messages", seq, "reactions", emoji]) => {
                Some(self.tries(line, me, place(at, seq), Wish::React((*emoji).to_owned(), method == "PUT")))
            }
            ("POST", ["conversations", at, "messages:delete-for-me"]) => {
                let asked: frame::Deleted = read(body.clone()).unwrap_or_default();
                let (conversation, asked) = ((*at).to_owned(), asked.ranges);
                let deletion = Deletion { user: me, conversation, asked, invoked: line, answered: None };
                self.facts.deletions.push(deletion);
                Some(Asked::Deletion(self.facts.deletions.len() - 1))
            }
            ("PUT" | "DELETE", ["blocks", other]) => {
                let turning = if method == "PUT" { Turning::On } else { Turning::Off };
                Some(Asked::Turn(vec![Switch::Block(me, (*other).to_owned())], turning))
            }
            ("GET", ["blocks"]) => Some(Asked::Listing(me)),
            ("GET", ["conversations", at, "links"]) => Some(Asked::Listing((*at).to_owned())),
            ("POST", ["conversations", at, "links"]) => {
                Some(Asked::Turn(vec![Switch::Link((*at).to_owned(), String::new())], Turning::Made))
            }
            ("DELETE", ["conversations", at, "links", link]) => {
                Some(Asked::Turn(vec![Switch::Link((*at).to_owned(), (*link).to_owned())], Turning::Off))
            }
            ("POST", ["conversations", group]) => {
                let group = group.strip_suffix(":leave")?;
                Some(Asked::Turn(vec![member(group, user)], Turning::Off))
            }
            ("POST", ["conversations", at, "members"]) => {
                let ids = body.get("user_ids").and_then(Value::as_array).into_iter().flatten();
                let ids = ids.filter_map(Value::as_str).map(|id| member(at, id));
                Some(Asked::Turn(ids.collect(), Turning::Named))
            }
            ("DELETE", ["conversations", at, "members", other]) => {
                Some(Asked::Turn(vec![member(at, other)], Turning::Off))
            }
            ("POST", ["conversations", at, "join-requests", answer]) => {
                let guest = answer.strip_suffix(":accept")?;
                Some(Asked::Turn(vec![member(at, guest)], Turning::Perhaps))
            }
            ("POST", ["invitations", answer]) => {
                Some(Asked::Turn(vec![member(answer.strip_suffix(":accept")?, user)], Turning::On))
            }
            ("POST", ["join-links:join"]) => {
                let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
                Some(Asked::Turn(vec![member(self.facts.codes.get(code)?, user)], Turning::UnlessWaiting))
            }
            _ => None,
        }
    }

    pub(super) fn tries(&mut self, line: usize, user: String, place: Place, wish: Wish) -> Asked {
        self.facts.tries.push(Try { user, place, wish, invoked: line, outcome: None });
        Asked::Try(self.facts.tries.len() - 1)
    }

    pub(super) fn outcome(
        &self,
        line: usize,
        changed: Option<frame::Changed>,
        problem: Option<frame::Problem>,
    ) -> Option<TryOutcome> {
        match (changed, problem) {
            (Some(changed), _) => {
                let frame::Changed { version, change_seq, .. } = changed;
                Some(TryOutcome::Done { version, change_seq, line, at: self.now })
            }
            (None, Some(problem)) => Some(TryOutcome::Refused(!problem.retryable)),
            (None, None) => None,
        }
    }

    /// Something was turned; without `answered`, perhaps.
    pub(super) fn turned(
        &mut self,
        switches: Vec<Switch>,
        turning: Turning,
        invoked: usize,
        answered: Option<usize>,
        body: &Value,
    ) {
        let known = answered.is_some();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        for mut switch in switches {
            let mut answered = answered;
            match (&turning, &mut switch) {
                (Turning::On | Turning::Off, _) => {}
                (Turning::Perhaps, _) => answered = None,
                (Turning::Named, Switch::Member(_, user)) if known => {
                    let among = |list: &str| {
                        let list = body.get(list).and_then(Value::as_array).into_iter().flatten();
                        list.filter_map(Value::as_str).any(|id| id == user)
                    };
                    if !among("joined") && !among("already") {
                        continue;
                    }
                }
                (Turning::Named, _) => {}
                (Turning::UnlessWaiting, _) if !known => {}
                (Turning::UnlessWaiting, _) => {
                    if body.get("waiting").and_then(Value::as_bool) != Some(false) {
                        continue;
                    }
                }
                (Turning::Made, Switch::Link(group, link)) if known => {
                    *link = text("/link_id");
                    self.facts.codes.insert(text("/code"), group.clone());
                }
                // Nobody knows which link.
                (Turning::Made, _) => continue,
            }
            let on = !matches!(turning, Turning::Off);
            self.facts.turns.push(Turn { switch, on, invoked, answered });
        }
    }

    /// What is on of the blocks of a person, or of the links into a group.
    pub(super) fn listed(&mut self, of: String, user: &str, body: &Value) {
        let of_blocks = of == user;
        let items = body.get("items").and_then(Value::as_array).into_iter().flatten();
        let on = items.filter_map(|item| {
            let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            if of_blocks {
                text("/block/user_id").or_else(|| text("/user_id")).map(|other| Switch::Block(of.clone(), other))
            } else {
                text("/link_id").map(|link| Switch::Link(of.clone(), link))
            }
        });
        let on = on.collect();
        self.facts.on_at_quiet.insert(of, on);
    }
}

fn place(conversation: &str, seq: &str) -> Place {
    (conversation.to_owned(), seq.parse().unwrap_or_default())
}

fn member(group: &str, user: &str) -> Switch {
    Switch::Member(group.to_owned(), user.to_owned())
}
