//! What a person sets about a conversation for themselves: on top, quiet, aside, out of sight, marked, a draft. It is the
//! same on all their devices and nobody else's business, so it is no entry; it is found again by its version.

use anser_contract::{
    Context,
    v1::{
        ChangeSettingsRequest, ConversationSettings, Deleted, SettingsChanged, SyncSettingsReply, SyncSettingsRequest,
        service_event::Event,
    },
};
use anser_engine::Reader;
use anser_types::{Action, Code, ConversationId, Error, Result, UserId};

use super::{
    allow, conversation_id, mute,
    store::settings::{self, Setting},
};
use crate::{
    Messaging,
    log::Snapshot,
    membership::{self, View},
    message,
};

/// The longest draft, in bytes.
const DRAFT_BYTES: usize = 4_096;
/// How many conversations may stand on top.
const PINNED: usize = 100;
/// How many settings one page of sync has.
const PAGE: usize = 200;

/// Changes what the request names; the rest stays. What is so already changes nothing.
pub async fn change_settings(
    room: &Messaging,
    ctx: &Context,
    request: ChangeSettingsRequest,
) -> Result<ConversationSettings> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    if request.draft.as_ref().is_some_and(|draft| draft.len() > DRAFT_BYTES) {
        return Err(Error::field("draft", format!("{DRAFT_BYTES} bytes at most")));
    }
    let now = room.clock.now();
    let muted_until = request.mute_ms.map(|for_ms| mute::until("mute_ms", for_ms, now)).transpose()?;
    let log = room.log.clone();
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            allow(Action::ChangeSettings, membership::standing(tx, conversation, user, strangers)?)?;
            let (read_seq, head_seq) = reading(&log.at(tx)?, conversation, user)?;
            let before = settings::setting(tx, user, conversation)?;
            let mut after = before.clone();
            if let Some(pinned) = request.pinned.filter(|pinned| *pinned != (before.pinned_at > 0)) {
                after.pinned_at = if pinned { now } else { 0 };
            }
            after.muted_until = muted_until.unwrap_or(before.muted_until);
            after.archived = request.archived.unwrap_or(before.archived);
            if let Some(hidden) = request.hidden {
                after.hidden_seq = if hidden { head_seq } else { 0 };
            }
            if let Some(marked) = request.marked_unread {
                after.unread_mark = if marked { read_seq } else { -1 };
            }
            if let Some(draft) = &request.draft {
                after.draft.clone_from(draft);
            }
            if told(&after, read_seq, head_seq) != told(&before, read_seq, head_seq) {
                if after.pinned_at > 0 && before.pinned_at == 0 {
                    room_on_top(tx, user)?;
                }
                after.changed_at = now;
                after.version = settings::next_version(tx, user)?;
                settings::put_setting(tx, user, &after)?;
                let changed = SettingsChanged { user_id: user.to_vec(), version: after.version };
                tx.emit(now, Event::SettingsChanged(changed))?;
            }
            Ok(told(&after, read_seq, head_seq))
        })
        .await
}

/// What the caller set, and what they deleted for themselves, after a version; and the version now.
pub async fn sync_settings(room: &Messaging, ctx: &Context, request: SyncSettingsRequest) -> Result<SyncSettingsReply> {
    let user = ctx.user()?;
    room.read(move |log| {
        let newest = settings::version(log, user)?;
        // A version that was never given is from another store: then everything is news.
        let since = if request.since > newest { 0 } else { request.since };
        let changed = settings::settings_since(log, user, since, PAGE + 1)?;
        let deleted = message::store::deleted_since(log, user, since, PAGE + 1)?;
        // Both run up to the version at which the first of them is cut off.
        let cut = |versions: Vec<i64>| versions.get(PAGE).map_or(newest, |_| versions[PAGE - 1]);
        let version = cut(changed.iter().map(|setting| setting.version).collect())
            .min(cut(deleted.iter().map(|(version, _)| *version).collect()));
        let items = changed.iter().filter(|setting| setting.version <= version).map(|setting| {
            let (read_seq, head_seq) = reading(log, setting.conversation, user)?;
            Ok(told(setting, read_seq, head_seq))
        });
        let deleted = deleted.into_iter().filter(|(changed, _)| *changed <= version).map(|(_, conversation)| {
            let ranges = membership::deleted(log, conversation, user)?;
            let ranges = ranges.into_iter().map(message::delete_for_me::range).collect();
            Ok(Deleted { conversation_id: conversation.to_vec(), ranges })
        });
        Ok(SyncSettingsReply {
            items: items.collect::<Result<_>>()?,
            version,
            has_more: version < newest,
            deleted: deleted.collect::<Result<_>>()?,
        })
    })
    .await
}

/// What is set, as its person sees it, who has read to `read_seq` of a conversation that ends for them at `head_seq`.
pub fn told(setting: &Setting, read_seq: i64, head_seq: i64) -> ConversationSettings {
    ConversationSettings {
        conversation_id: setting.conversation.to_vec(),
        pinned_at: setting.pinned_at,
        muted_until_at: setting.muted_until,
        archived: setting.archived,
        hidden: is_hidden(setting, head_seq),
        marked_unread: setting.unread_mark >= read_seq,
        draft: setting.draft.clone(),
        changed_at: setting.changed_at,
    }
}

/// Whether a conversation that ends at `head_seq` is out of the list.
pub fn is_hidden(setting: &Setting, head_seq: i64) -> bool {
    setting.hidden_seq > 0 && head_seq <= setting.hidden_seq
}

fn reading(log: &Snapshot<'_>, conversation: ConversationId, user: UserId) -> Result<(i64, i64)> {
    let view = View::of(log, conversation, user)?;
    let (read_seq, _) = message::store::cursor(log, conversation, user)?;
    Ok((read_seq.max(view.joined_seq()), view.head_seq()))
}

fn room_on_top(reader: &Reader<'_>, user: UserId) -> Result<()> {
    let pinned = settings::settings(reader, user)?.iter().filter(|setting| setting.pinned_at > 0).count();
    if pinned >= PINNED {
        return Err(Error::new(Code::LimitExceeded, format!("{PINNED} conversations at most stand on top")));
    }
    Ok(())
}
