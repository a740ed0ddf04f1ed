//! Deleting for oneself: entries are hidden from one person, on all their devices, and from nobody else.

use anser_contract::{
    Context,
    v1::{DeleteForMeReply, DeleteForMeRequest, HiddenRange, SettingsChanged, service_event::Event},
};
use anser_types::{Action, Code, ConversationId, Error, Result, authorise};

use super::store;
use crate::{
    Messaging,
    conversation::settings_version,
    membership::{self, View},
};

/// How many ranges one call may name.
const RANGES_A_CALL: usize = 100;
/// How many ranges may be hidden of one conversation; neighbours count as one.
const RANGES: usize = 500;

/// Hides ranges of entries from the caller. Answers all that is hidden so.
pub async fn delete_for_me(room: &Messaging, ctx: &Context, request: DeleteForMeRequest) -> Result<DeleteForMeReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = ConversationId::try_from(&request.conversation_id[..])?;
    let ranges = checked(&request.ranges)?;
    let (log, now) = (room.log.clone(), room.clock.now());
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let standing = membership::standing(tx, conversation, user, strangers)?;
            authorise(Action::ReadEntries, standing).map_err(membership::hide)?;
            let head_seq = View::of(&log.at(tx)?, conversation, user)?.head_seq();
            let before = membership::deleted(tx, conversation, user)?;
            let within = ranges.iter().map(|&(from, to)| (from, to.min(head_seq))).filter(|(from, to)| from <= to);
            let after = membership::merged(before.iter().copied().chain(within).collect());
            if after.len() > RANGES {
                return Err(Error::new(Code::LimitExceeded, format!("{RANGES} ranges at most; delete longer ones")));
            }
            if after != before {
                store::set_deleted(tx, conversation, user, &after)?;
                let version = settings_version(tx, user)?;
                store::set_deleted_since(tx, conversation, user, version)?;
                tx.emit(now, Event::SettingsChanged(SettingsChanged { user_id: user.to_vec(), version }))?;
            }
            Ok(DeleteForMeReply { ranges: after.into_iter().map(range).collect() })
        })
        .await
}

fn checked(ranges: &[HiddenRange]) -> Result<Vec<(i64, i64)>> {
    if ranges.is_empty() || ranges.len() > RANGES_A_CALL {
        return Err(Error::field("ranges", format!("1 to {RANGES_A_CALL} ranges")));
    }
    let whole = |range: &HiddenRange| range.from_seq >= 1 && range.to_seq >= range.from_seq;
    if !ranges.iter().all(whole) {
        return Err(Error::field("ranges", "from_seq is 1 or more, and to_seq not before it"));
    }
    Ok(ranges.iter().map(|range| (range.from_seq, range.to_seq)).collect())
}

/// A range as it is told.
pub fn range((from_seq, to_seq): (i64, i64)) -> HiddenRange {
    HiddenRange { from_seq, to_seq }
}
