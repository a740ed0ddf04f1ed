//! Where in a text the words of a question stand, and the piece of the text that shows it.

use anser_contract::v1::Highlight;

use crate::words::{Word, words};

/// How many characters a snippet has at most.
const SNIPPET: usize = 160;
/// How many of them stand before the first place, where the text is longer.
const BEFORE: usize = 30;
/// How many places are told.
const MOST: usize = 32;

/// Where the phrases stand, as ranges of bytes in order, none over another; nothing where one of them does not stand.
pub fn places(text: &str, phrases: &[Vec<Word>]) -> Option<Vec<(usize, usize)>> {
    let mut there = words(text);
    there.sort_by_key(|word| (word.position, word.pair));
    let at = |position: usize, asked: &Word| {
        let first = there.partition_point(|word| word.position < position);
        there[first..].iter().take_while(|word| word.position == position).find(|word| word.text == asked.text)
    };
    let mut found: Vec<(usize, usize)> = Vec::new();
    for phrase in phrases {
        let first = phrase.first()?;
        let before = found.len();
        for start in there.iter().filter(|word| word.text == first.text && word.pair == first.pair) {
            let rest = phrase.iter().map(|asked| at(start.position + asked.position - first.position, asked));
            if let Some(all) = rest.collect::<Option<Vec<_>>>() {
                found.push((start.from, all.iter().map(|word| word.until).max().unwrap_or(start.until)));
            }
        }
        if found.len() == before {
            return None;
        }
    }
    found.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(found.len());
    for (from, until) in found {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    Some(merged)
}

/// The piece of a text around the first place, and the places in it, in characters.
pub fn snippet(text: &str, places: &[(usize, usize)]) -> (String, Vec<Highlight>) {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let character = |byte: usize| starts.partition_point(|&start| start < byte);
    let length = starts.len() - 1;
    let first = places.first().map_or(0, |place| character(place.0));
    let begin = if length <= SNIPPET { 0 } else { first.saturating_sub(BEFORE).min(length - SNIPPET) };
    let end = length.min(begin + SNIPPET);
    let highlights = places.iter().map(|&(from, until)| (character(from), character(until)));
    let inside = highlights.filter(|&(from, _)| from >= begin && from < end).take(MOST);
    let highlights =
        inside.map(|(from, until)| Highlight { from: (from - begin) as u32, until: (until.min(end) - begin) as u32 });
    (text[starts[begin]..starts[end]].to_owned(), highlights.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::phrase;

    fn shown(text: &str, asked: &[&str]) -> Option<(String, Vec<String>)> {
        let phrases: Vec<_> = asked.iter().map(|chunk| phrase(chunk)).collect();
        let (snippet, highlights) = snippet(text, &places(text, &phrases)?);
        let characters: Vec<char> = snippet.chars().collect();
        let marked = highlights.iter().map(|mark| characters[mark.from as usize..mark.until as usize].iter().collect());
        let marked = marked.collect();
        Some((snippet, marked))
    }

    #[test]
    fn the_words_are_marked_where_they_stand_in_the_original() {
        let (snippet, marked) = shown("Ｈello 世界，hello world", &["HELLO", "世界"]).unwrap();
        assert_eq!(snippet, "Ｈello 世界，hello world");
        assert_eq!(marked, ["Ｈello", "世界", "hello"]);
        assert_eq!(shown("hello", &["hell"]), None, "a part of a word is another word");
        assert_eq!(shown("你好世界", &["好世"]).unwrap().1, ["好世"]);
        assert_eq!(shown("今天天气真好", &["天天气"]).unwrap().1, ["天天气"]);
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_place() {
        let text = format!("{}针{}", "草".repeat(1_000), "草".repeat(1_000));
        let (snippet, marked) = shown(&text, &["针"]).unwrap();
        assert_eq!((snippet.chars().count(), marked), (SNIPPET, vec!["针".to_owned()]));
        let late = format!("{}needle", "hay ".repeat(500));
        assert!(shown(&late, &["needle"]).unwrap().0.ends_with("needle"));
    }

    proptest! {
        #[test]
        fn marks_lie_in_the_snippet(text in "[ab 你好世界,]{0,400}", asked in "[ab你好世界]{1,3}") {
            if let Some(found) = places(&text, &[phrase(&asked)]) {
                let (snippet, highlights) = snippet(&text, &found);
                let length = snippet.chars().count() as u32;
                prop_assert!(length as usize <= SNIPPET && text.contains(&snippet));
                prop_assert!(!highlights.is_empty());
                let mut last = 0;
                for Highlight { from, until } in highlights {
                    prop_assert!(last <= from && from < until && until <= length);
                    last = until;
                }
            }
        }
    }
}
