//! The words of a voice message, once somebody had them found: they stand on its row and go with it.

use anser_contract::{
    Context,
    v1::{Content, Entry, SetTranscriptRequest, Transcribed, content::Kind},
};
use anser_engine::Tx;
use anser_types::{ConversationId, Error, Result, UserId};
use prost::Message as _;

use crate::{Messaging, log, message, notice::Notices};

/// Writes the words as the message's next version and tells of it, in its sender's name. Where the message was recalled, has expired,
/// or has its words, nothing changes. Answers the message as it stands.
pub async fn set_transcript(room: &Messaging, ctx: &Context, request: SetTranscriptRequest) -> Result<Entry> {
    ctx.require_service()?;
    let conversation = ConversationId::try_from(&request.conversation_id[..])?;
    let (seq, notices, body_bytes) = (request.seq, Notices::new(room), room.options.body_bytes);
    // What is not said here is not written here either.
    let mut said = Content::from(Kind::Voice(Box::new(anser_contract::v1::Voice {
        transcript: request.text.trim().to_owned(),
        ..Default::default()
    })));
    room.words.apply(&mut said)?;
    let Some(Kind::Voice(said)) = said.kind else { return Err(Error::internal("a voice message is none")) };
    room.db.growth_allowed()?;
    room.db
        .until(ctx.deadline)
        .write(move |tx| write(tx, conversation, seq, &said.transcript, body_bytes, &notices))
        .await
}

fn write(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    seq: i64,
    text: &str,
    body_bytes: usize,
    notices: &Notices,
) -> Result<Entry> {
    let snapshot = notices.log.at(tx)?;
    let head = snapshot.head(conversation)?;
    let found = if (1..=head.seq).contains(&seq) {
        snapshot.entries(conversation, seq, seq, 1, usize::MAX)?
    } else {
        Vec::new()
    };
    let mut stored = found.into_iter().next().ok_or_else(|| Error::not_found("message"))?;
    if message::target::is_withdrawn(&stored.entry) || stored.entry.is_expired() {
        return Ok(stored.entry);
    }
    let mut content = stored.entry.content.clone().unwrap_or_default();
    let encoded_len = content.encoded_len();
    let Some(Kind::Voice(voice)) = &mut content.kind else {
        return Err(Error::invalid("this is not a voice message"));
    };
    if text.is_empty() || !voice.transcript.is_empty() {
        return Ok(stored.entry);
    }
    // Some bytes are for how a text stands in a message.
    voice.transcript = cut(text, body_bytes.saturating_sub(encoded_len + 16)).to_owned();
    let edited_at = stored.entry.edited_at;
    log::rewrite(tx, conversation, &mut stored, content, edited_at)?;
    let sender = UserId::try_from(&stored.entry.sender_id[..])?;
    let transcribed = Transcribed { target_seq: seq, version: i64::from(stored.entry.version) };
    notices.change(tx, conversation, sender, Kind::Transcribed(transcribed), stored.entry.clone())?;
    Ok(stored.entry)
}

/// The beginning of `text`, at most `most` bytes of it.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
