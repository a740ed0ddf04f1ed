//! The index of messages: what of them is in it.
//!
//! An entry of the index holds the words and small numbers, never the text: what is shown is looked up in the log. Ids are
//! represented by their random half, so two may meet; whoever is shown a hit sees it looked up, and a wrong one drops out.

pub mod ask;
mod bounds;
mod follow;
pub mod highlight;
mod readable;
mod search;
pub mod text;
pub mod walk;

use anser_contract::v1::{Entry, MessageType, content::Kind};
use tantivy::{
    TantivyDocument,
    schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
};

pub use bounds::BoundsCache;
pub use follow::Log;
pub use readable::Readable;
pub use search::search_messages;

use crate::volume::WORDS;

/// Rises with every change of the schema, of the words or of what is taken from a message.
pub const VERSION: u32 = 1;

/// The fields of an entry of the index.
#[derive(Clone, Copy)]
pub struct Fields {
    /// [`short`] of the conversation.
    pub conversation: Field,
    /// The entry's number there.
    pub seq: Field,
    /// [`short`] of the sender.
    pub sender: Field,
    /// The [`MessageType`].
    pub kind: Field,
    /// When, as [`when`] has it.
    pub at: Field,
    /// When its words go by themselves, in Unix milliseconds; missing where they stay.
    pub expires_at: Field,
    /// The words.
    pub text: Field,
}

impl Fields {
    /// The schema and its fields.
    pub fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let words = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let fields = Self {
            conversation: schema.add_u64_field("conversation", INDEXED | FAST),
            seq: schema.add_u64_field("seq", INDEXED | FAST),
            sender: schema.add_u64_field("sender", INDEXED),
            kind: schema.add_u64_field("kind", INDEXED),
            at: schema.add_u64_field("at", FAST),
            expires_at: schema.add_u64_field("expires_at", FAST),
            text: schema.add_text_field("text", TextOptions::default().set_indexing_options(words)),
        };
        (schema.build(), fields)
    }

    /// What the index holds of an entry; nothing where it has no words.
    pub fn document(&self, entry: &Entry) -> Option<TantivyDocument> {
        let content = entry.content.as_ref()?;
        let text = text::of(content)?;
        let mut document = TantivyDocument::new();
        document.add_u64(self.conversation, short(&entry.conversation_id));
        document.add_u64(self.seq, entry.seq.unsigned_abs());
        document.add_u64(self.sender, short(&entry.sender_id));
        document.add_u64(self.kind, message_type(content.kind.as_ref()) as u64);
        document.add_u64(self.at, when(entry.server_ts, entry.seq));
        if let Some(expiring) = &content.expiring {
            document.add_u64(self.expires_at, expiring.expires_at.unsigned_abs());
        }
        document.add_text(self.text, &text);
        Some(document)
    }
}

/// The half of an id that is random.
pub fn short(id: &[u8]) -> u64 {
    id.last_chunk::<8>().map_or(0, |half| u64::from_be_bytes(*half))
}

/// Seqs that one millisecond of a conversation can tell apart.
const SEQ_BITS: u32 = 21;

/// The order of messages by time, and by seq where a conversation's stand in one millisecond.
pub fn when(server_ts: i64, seq: i64) -> u64 {
    (server_ts.unsigned_abs() << SEQ_BITS) | (seq.unsigned_abs() & ((1 << SEQ_BITS) - 1))
}

fn message_type(kind: Option<&Kind>) -> MessageType {
    match kind {
        Some(Kind::Text(_)) => MessageType::Text,
        Some(Kind::Image(_)) => MessageType::Image,
        Some(Kind::File(_)) => MessageType::File,
        Some(Kind::Voice(_)) => MessageType::Voice,
        _ => MessageType::Other,
    }
}
