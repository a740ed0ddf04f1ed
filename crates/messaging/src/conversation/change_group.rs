//! What a group is called and looks like, what it announces, and how people come into it.

use anser_contract::{
    Context,
    v1::{
        Announced, AvatarChanged, ChangeGroupRequest, Conversation, HistoryFor, Inviters, Renamed, RulesChanged,
        content::Kind,
    },
};
use anser_types::{Action, Error, Result};
use prost::Message as _;

use super::{
    allow, conversation_id,
    describe::describe,
    once::once,
    store::{self, ConversationRow},
    words,
};
use crate::{Messaging, MessagingOptions, membership::standing, notice::Notices};

/// Changes what the request names; the rest stays. What is so already leaves no entry.
pub async fn change_group(room: &Messaging, ctx: &Context, request: ChangeGroupRequest) -> Result<Conversation> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    check(&request, &room.options)?;
    for text in [&request.title, &request.announcement].into_iter().flatten() {
        room.words.check(text)?;
    }
    let key = request.idempotency_key.clone();
    let asked = ChangeGroupRequest { idempotency_key: String::new(), ..request.clone() }.encode_to_vec();
    let once = once(room, user, "change_group", &key, &[&asked])?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::ChangeGroup, standing(tx, conversation, user, strangers)?)?;
                let mut group =
                    store::conversation(tx, conversation)?.ok_or_else(|| Error::not_found("conversation"))?;
                let what = apply(&request, &mut group);
                if !what.is_empty() {
                    store::set_group(tx, conversation, &group)?;
                    notices.append(tx, conversation, user, what)?;
                }
                Ok(Vec::new())
            })?;
            describe(&notices.log.at(tx)?, conversation, user, strangers, notices.now)
        })
        .await
}

fn check(request: &ChangeGroupRequest, options: &MessagingOptions) -> Result<()> {
    request.title.as_ref().map_or(Ok(()), |title| words::title(title, options))?;
    request.avatar.as_ref().map_or(Ok(()), |avatar| words::avatar(avatar))?;
    request.announcement.as_ref().map_or(Ok(()), |text| words::announcement(text, options))?;
    if Inviters::try_from(request.inviters).is_err() {
        return Err(Error::field("inviters", "members or admins"));
    }
    if HistoryFor::try_from(request.history).is_err() {
        return Err(Error::field("history", "joining or all"));
    }
    Ok(())
}

/// Changes `group`; answers what there is to tell, one entry for each thing that is another now.
fn apply(request: &ChangeGroupRequest, group: &mut ConversationRow) -> Vec<Kind> {
    let mut what = Vec::new();
    if let Some(title) = request.title.as_ref().filter(|title| **title != group.title) {
        group.title.clone_from(title);
        what.push(Kind::Renamed(Renamed { title: title.clone() }));
    }
    if let Some(avatar) = request.avatar.as_ref().filter(|avatar| **avatar != group.avatar) {
        group.avatar.clone_from(avatar);
        what.push(Kind::AvatarChanged(AvatarChanged { avatar: avatar.clone() }));
    }
    if let Some(text) = request.announcement.as_ref().filter(|text| **text != group.announcement) {
        group.announcement.clone_from(text);
        what.push(Kind::Announced(Announced { text: text.clone() }));
    }
    let before = group.rules;
    group.rules.approval = request.approval.unwrap_or(before.approval);
    if request.inviters() != Inviters::Unspecified {
        group.rules.inviters = request.inviters;
    }
    if request.history() != HistoryFor::Unspecified {
        group.rules.history = request.history;
    }
    if group.rules != before {
        what.push(Kind::RulesChanged(RulesChanged { rules: Some(group.rules) }));
    }
    what
}
