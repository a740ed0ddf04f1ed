//! Looking messages up by name, as a person sees them now.

use std::collections::HashMap;

use anser_contract::{
    Context,
    v1::{Entry, LookUpReply, LookUpRequest},
};
use anser_types::{Code, ConversationId, Error, Result, UserId};

use super::{MOST, reader_of};
use crate::{
    Messaging,
    log::Snapshot,
    membership::{self, View},
};

/// In the order asked for. What the person may not see, deleted for themselves, or has expired is left out; what was
/// recalled comes as they see it, without its words.
pub async fn look_up(room: &Messaging, ctx: &Context, request: LookUpRequest) -> Result<LookUpReply> {
    let user = reader_of(ctx, &request.user_id)?;
    if request.items.len() > MOST {
        return Err(Error::field("items", format!("{MOST} at most")));
    }
    let names = request.items.iter().map(|name| Ok((ConversationId::try_from(&name.conversation_id[..])?, name.seq)));
    let names = names.collect::<Result<Vec<_>>>().map_err(|error| Error::field("items", error.detail))?;
    let strangers = room.options.strangers;
    room.read(move |log| {
        let mut seen = Seen { log, user, strangers, views: HashMap::new() };
        let mut items = Vec::with_capacity(names.len());
        for (conversation, seq) in names {
            items.extend(seen.entry(conversation, seq)?);
        }
        Ok(LookUpReply { items })
    })
    .await
}

/// What one person sees, with what was found out about each conversation.
pub struct Seen<'s> {
    pub log: &'s Snapshot<'s>,
    pub user: UserId,
    pub strangers: bool,
    pub views: HashMap<ConversationId, Option<View>>,
}

impl Seen<'_> {
    /// An entry, if they see it and its time is not over.
    pub fn entry(&mut self, conversation: ConversationId, seq: i64) -> Result<Option<Entry>> {
        if !self.view(conversation)?.is_some_and(|view| view.shows(seq)) {
            return Ok(None);
        }
        let found = self.log.entries(conversation, seq, seq, 1, usize::MAX)?.pop();
        Ok(found.map(|stored| stored.entry).filter(|entry| !entry.is_expired()))
    }

    fn view(&mut self, conversation: ConversationId) -> Result<Option<&View>> {
        if !self.views.contains_key(&conversation) {
            let view = match membership::may_read(self.log, conversation, self.user, self.strangers) {
                Ok(()) => Some(View::of(self.log, conversation, self.user)?),
                Err(error) if matches!(error.code, Code::NotFound | Code::Forbidden) => None,
                Err(error) => return Err(error),
            };
            self.views.insert(conversation, view);
        }
        Ok(self.views[&conversation].as_ref())
    }
}
