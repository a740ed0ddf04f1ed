//! The index of people: what of a profile can be searched, and how.

mod follow;
mod search;
mod spell;

use std::collections::BTreeSet;

use anser_contract::v1::PublicProfile;
use tantivy::{
    TantivyDocument, Term,
    query::{BooleanQuery, Occur, Query, TermQuery},
    schema::{FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
};

pub use follow::Profiles;
pub use search::search_users;

use crate::{fold::folded, volume::WORDS, words::words};

/// Rises with every change of the schema or of what is taken from a profile.
pub const VERSION: u32 = 1;

/// The fields of an entry of the index.
#[derive(Clone, Copy)]
pub struct PeopleFields {
    /// The halves of the id.
    pub high: Field,
    /// The second.
    pub low: Field,
    /// The whole names.
    pub whole: Field,
    /// The beginnings of the names and of the words in them.
    pub beginning: Field,
    /// The beginnings of what the name sounds like, from each character on: all of it, and the initials.
    pub sound: Field,
    /// The words and pairs of the names, in their places.
    pub part: Field,
    /// What may be misspelt: whole names, words, the sound.
    pub word: Field,
}

impl PeopleFields {
    /// The schema and its fields.
    pub fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let words = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let fields = Self {
            high: schema.add_u64_field("high", INDEXED | FAST),
            low: schema.add_u64_field("low", INDEXED | FAST),
            whole: schema.add_text_field("whole", STRING),
            beginning: schema.add_text_field("beginning", STRING),
            sound: schema.add_text_field("sound", STRING),
            part: schema.add_text_field("part", TextOptions::default().set_indexing_options(words)),
            word: schema.add_text_field("word", STRING),
        };
        (schema.build(), fields)
    }

    /// What the index holds of somebody; nothing of whoever closed their account.
    pub fn document(&self, profile: &PublicProfile) -> Option<TantivyDocument> {
        if profile.closed {
            return None;
        }
        let (high, low) = halves(&profile.user_id)?;
        let mut document = TantivyDocument::new();
        document.add_u64(self.high, high);
        document.add_u64(self.low, low);
        let (mut whole, mut beginnings, mut typed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for name in [&profile.username, &profile.nickname] {
            let name_words = words(name).into_iter().filter(|word| !word.pair).map(|word| word.text);
            let name = squeezed(name);
            for word in name_words.chain([name.clone()]) {
                beginnings.extend(prefixes(&word));
                typed.insert(word);
            }
            whole.insert(name);
        }
        let sound = spell::sounds(&profile.nickname);
        typed.extend(sound.whole);
        for (field, terms) in
            [(self.whole, whole), (self.beginning, beginnings), (self.sound, sound.beginnings), (self.word, typed)]
        {
            for term in terms.iter().filter(|term| !term.is_empty()) {
                document.add_text(field, term);
            }
        }
        document.add_text(self.part, &profile.nickname);
        document.add_text(self.part, &profile.username);
        Some(document)
    }

    /// What the index holds of the person with this id.
    pub fn exactly(&self, user_id: &[u8]) -> Option<Box<dyn Query>> {
        let (high, low) = halves(user_id)?;
        let is = |field, value| {
            let term = TermQuery::new(Term::from_field_u64(field, value), IndexRecordOption::Basic);
            (Occur::Must, Box::new(term) as Box<dyn Query>)
        };
        Some(Box::new(BooleanQuery::new(vec![is(self.low, low), is(self.high, high)])))
    }
}

/// An id as two numbers.
fn halves(id: &[u8]) -> Option<(u64, u64)> {
    let (high, low) = id.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*high), u64::from_be_bytes(low.try_into().ok()?)))
}

/// A name folded and without spaces.
fn squeezed(name: &str) -> String {
    folded(name).chars().filter(|character| !character.is_whitespace()).collect()
}

/// Every beginning of a word, up to all of it.
fn prefixes(word: &str) -> impl Iterator<Item = String> {
    word.char_indices().map(|(at, character)| word[..at + character.len_utf8()].to_owned())
}
