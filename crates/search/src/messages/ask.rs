//! From words to a query of the index.

use anser_contract::v1::{MessageType, SearchMessagesRequest, SearchOrder};
use anser_types::{Error, Result};
use tantivy::{
    Searcher, Term,
    query::{BooleanQuery, ConstScoreQuery, Occur, PhraseQuery, Query, TermQuery},
    schema::IndexRecordOption,
};

use super::{Fields, Readable, short};
use crate::words::{Word, phrase};

/// Bytes of a question.
pub const QUESTION_BYTES: usize = 256;
/// Words and pairs in it.
const WORDS: usize = 32;
/// With so many conversations at most, those can lead the search instead of the words.
const LEADING: usize = 64;

/// The phrases of a question: what stands between spaces. All of them must be in a message.
pub fn phrases(question: &str) -> Result<Vec<Vec<Word>>> {
    if question.len() > QUESTION_BYTES {
        return Err(Error::field("q", format!("at most {QUESTION_BYTES} bytes")));
    }
    let phrases: Vec<_> = question.split_whitespace().map(phrase).filter(|phrase| !phrase.is_empty()).collect();
    if phrases.is_empty() {
        return Err(Error::field("q", "say at least one letter, digit or character to look for"));
    }
    if phrases.iter().map(Vec::len).sum::<usize>() > WORDS {
        return Err(Error::field("q", format!("at most {WORDS} words")));
    }
    Ok(phrases)
}

/// What else must hold, of what the index knows.
pub fn query(
    fields: &Fields,
    searcher: &Searcher,
    phrases: &[Vec<Word>],
    request: &SearchMessagesRequest,
    readable: &Readable,
) -> tantivy::Result<Box<dyn Query>> {
    let scored = request.order() == SearchOrder::Best;
    let option = if scored { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for phrase in phrases {
        let mut terms: Vec<_> =
            phrase.iter().map(|word| (word.position, Term::from_field_text(fields.text, &word.text))).collect();
        clauses.push(match (terms.len(), terms.pop()) {
            (1, Some((_, term))) => (Occur::Must, Box::new(TermQuery::new(term, option))),
            (_, last) => {
                terms.extend(last);
                (Occur::Must, Box::new(PhraseQuery::new_with_offset(terms)))
            }
        });
    }
    let exactly = |field, value| {
        let term = TermQuery::new(Term::from_field_u64(field, value), IndexRecordOption::Basic);
        Box::new(ConstScoreQuery::new(Box::new(term), 0.0)) as Box<dyn Query>
    };
    if !request.sender_id.is_empty() {
        clauses.push((Occur::Must, exactly(fields.sender, short(&request.sender_id))));
    }
    if request.r#type() != MessageType::Unspecified {
        clauses.push((Occur::Must, exactly(fields.kind, request.r#type() as u64)));
    }
    if !request.conversation_id.is_empty() {
        clauses.push((Occur::Must, exactly(fields.conversation, short(&request.conversation_id))));
    } else if leads(fields, searcher, phrases, readable)? {
        let any = readable.conversations().map(|room| (Occur::Should, exactly(fields.conversation, room)));
        clauses.push((Occur::Must, Box::new(BooleanQuery::new(any.collect()))));
    }
    Ok(Box::new(BooleanQuery::new(clauses)))
}

/// Whether somebody's conversations hold so much less than the rarest word stands in that the search had better go through
/// them. Otherwise it goes through the word and asks of each place whether it may be read.
fn leads(fields: &Fields, searcher: &Searcher, phrases: &[Vec<Word>], readable: &Readable) -> tantivy::Result<bool> {
    if readable.len() > LEADING {
        return Ok(false);
    }
    let mut rarest = u64::MAX;
    for word in phrases.iter().flatten() {
        rarest = rarest.min(searcher.doc_freq(&Term::from_field_text(fields.text, &word.text))?);
    }
    let mut mine = 0;
    for room in readable.conversations() {
        mine += searcher.doc_freq(&Term::from_field_u64(fields.conversation, room))?;
    }
    Ok(mine < rarest / 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::messages::highlight::places;

    proptest! {
        #[test]
        fn any_question_is_bounded_and_found_in_itself(question in prop_oneof![any::<String>(), "[a-c你好\u{301} ,]{0,120}"]) {
            if let Ok(phrases) = phrases(&question) {
                prop_assert!((1..=WORDS).contains(&phrases.iter().map(Vec::len).sum::<usize>()));
                prop_assert!(phrases.iter().all(|phrase| !phrase.is_empty()));
                prop_assert!(places(&question, &phrases).is_some(), "{:?}", question);
            }
        }
    }
}
