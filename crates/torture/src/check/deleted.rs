//! What people deleted for themselves, and since when that is certain or possible.

use std::collections::HashMap;

use super::facts::{Deletion, Facts};
use crate::wire::frame::HiddenRange;

/// One deletion: when it was asked for, when it was answered, what it hides at least and at most.
#[derive(Debug)]
struct Hidden {
    invoked: usize,
    answered: usize,
    surely: Vec<HiddenRange>,
    perhaps: Vec<HiddenRange>,
}

/// What people deleted for themselves, by person and conversation.
#[derive(Debug, Default)]
pub struct Deleted(HashMap<String, HashMap<String, Vec<Hidden>>>);

impl Deleted {
    pub(super) fn of(facts: &Facts) -> Self {
        let mut all = Self::default();
        for Deletion { user, conversation, asked, invoked, answered } in &facts.deletions {
            let (answered, surely) = answered.clone().map_or((usize::MAX, Vec::new()), |known| known);
            let hidden = Hidden { invoked: *invoked, answered, surely, perhaps: asked.clone() };
            let of_user = all.0.entry(user.clone()).or_default();
            of_user.entry(conversation.clone()).or_default().push(hidden);
        }
        all
    }

    /// Whether an answer to a question that was asked at `invoked` must not show it.
    pub fn surely(&self, user: &str, conversation: &str, seq: i64, invoked: usize) -> bool {
        self.any(user, conversation, |hidden| hidden.answered < invoked && within(&hidden.surely, seq))
    }

    /// Whether something that came at `line` may lack it.
    pub fn perhaps(&self, user: &str, conversation: &str, seq: i64, line: usize) -> bool {
        self.any(user, conversation, |hidden| hidden.invoked < line && within(&hidden.perhaps, seq))
    }

    fn any(&self, user: &str, conversation: &str, which: impl Fn(&Hidden) -> bool) -> bool {
        let hidden = self.0.get(user).and_then(|of_user| of_user.get(conversation));
        hidden.is_some_and(|hidden| hidden.iter().any(which))
    }
}

fn within(ranges: &[HiddenRange], seq: i64) -> bool {
    ranges.iter().any(|range| (range.from_seq..=range.to_seq).contains(&seq))
}
