//! The words of a text, the same for what is indexed and for what is asked.
//!
//! Where a script puts spaces between words, a word is a run of letters and digits. Where it does not (Han, kana, Hangul, Thai
//! and their like), every character is a word, and every two neighbours are one more: a question of two characters is one
//! look-up, a longer one is a phrase of such pairs, and so every substring is found without a dictionary. What stands between words
//! separates them and takes no place.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::fold::{Folded, fold};

/// Longer runs of letters are cut into such pieces, which stand one after the other.
const LONGEST: usize = 64;

/// A word, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, folded.
    pub text: String,
    /// Which place among the words it has. A pair has the place of its first character.
    pub position: usize,
    /// Where it begins in the original, in bytes.
    pub from: usize,
    /// Where it ends.
    pub until: usize,
    /// Two characters of a script without spaces.
    pub pair: bool,
}

/// Every word of a text, pairs after their first character.
pub fn words(text: &str) -> Vec<Word> {
    let folded = fold(text);
    let (mut words, mut position, mut at) = (Vec::new(), 0, 0);
    while at < folded.len() {
        let sort = Sort::of(folded[at].character);
        let length = match sort {
            Sort::Separator => 1,
            Sort::Letter => {
                let run = folded[at..].iter().take(LONGEST).take_while(|next| continues_word(next.character));
                run.count().max(1)
            }
            Sort::Sign => 1,
        };
        if sort != Sort::Separator {
            words.push(word(&folded[at..at + length], position, false));
            let neighbours = folded.get(at..at + 2);
            if let (Sort::Sign, Some(two)) = (sort, neighbours)
                && Sort::of(two[1].character) == Sort::Sign
            {
                words.push(word(two, position, true));
            }
            position += 1;
        }
        at += length;
    }
    words
}

/// What a question is made of: words and pairs that must stand at these places behind each other. A pair makes the characters in
/// it superfluous.
pub fn phrase(chunk: &str) -> Vec<Word> {
    let all = words(chunk);
    let pair_at = |position: usize| all.iter().find(|word| word.pair && word.position == position);
    let (mut phrase, mut position) = (Vec::new(), 0);
    while let Some(single) = all.iter().find(|word| !word.pair && word.position == position) {
        if let Some(pair) = pair_at(position) {
            phrase.push(pair.clone());
            position += 2;
        } else if let Some(pair) = position.checked_sub(1).and_then(pair_at) {
            // The last of an odd number: the pair before overlaps, and pins it down better than one character.
            phrase.push(pair.clone());
            position += 1;
        } else {
            phrase.push(single.clone());
            position += 1;
        }
    }
    phrase
}

fn word(characters: &[Folded], position: usize, pair: bool) -> Word {
    Word {
        text: characters.iter().map(|folded| folded.character).collect(),
        position,
        from: characters.first().map_or(0, |folded| folded.from),
        until: characters.last().map_or(0, |folded| folded.until),
        pair,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Part of a word in a script with spaces.
    Letter,
    /// A word by itself: of a script without spaces, or a pictogram.
    Sign,
    Separator,
}

impl Sort {
    fn of(character: char) -> Self {
        match character {
            '0'..='9' | 'a'..='z' => Sort::Letter,
            '\u{0e00}'..='\u{0eff}'        // Thai, Lao
            | '\u{1000}'..='\u{109f}'      // Myanmar
            | '\u{1780}'..='\u{17ff}'      // Khmer
            | '\u{1100}'..='\u{11ff}'      // Hangul
            | '\u{2600}'..='\u{27bf}'      // pictograms
            | '\u{2e80}'..='\u{2fdf}'      // radicals
            | '\u{3005}'..='\u{3007}'
            | '\u{3041}'..='\u{30ff}'      // kana
            | '\u{3100}'..='\u{318f}'      // Bopomofo, Hangul
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{9fff}'      // Han
            | '\u{ac00}'..='\u{d7ff}'      // Hangul
            | '\u{f900}'..='\u{faff}'
            | '\u{1b000}'..='\u{1b16f}'
            | '\u{1f000}'..='\u{1faff}'    // pictograms
            | '\u{20000}'..='\u{3ffff}' => {
                if character == '\u{30fb}' { Sort::Separator } else { Sort::Sign }
            }
            _ if character.is_alphanumeric() => Sort::Letter,
            _ => Sort::Separator,
        }
    }
}

/// Marks belong to the letter before them.
fn continues_word(character: char) -> bool {
    Sort::of(character) == Sort::Letter || unicode_normalization::char::is_combining_mark(character)
}

/// [`words`] for the index.
#[derive(Clone, Default)]
pub struct WordTokenizer;

/// The words of one text on their way into the index.
pub struct WordStream {
    words: std::vec::IntoIter<Word>,
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream {
        WordStream { words: words(text).into_iter(), token: Token::default() }
    }
}

impl TokenStream for WordStream {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token = Token {
            offset_from: word.from,
            offset_to: word.until,
            position: word.position,
            text: word.text,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::messages::highlight::places;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn letters_make_words_and_signs_make_pairs() {
        assert_eq!(texts("Hello, World-wide 3.14!"), ["hello", "world", "wide", "3", "14"]);
        assert_eq!(texts("你好吗"), ["你", "你好", "好", "好吗", "吗"]);
        assert_eq!(texts("我的iPhone手机"), ["我", "我的", "的", "iphone", "手", "手机", "机"]);
        assert_eq!(texts("カタカナ・テスト").len(), 4 + 3 + 3 + 2);
        assert_eq!(texts("，。 !?"), Vec::<String>::new());
    }

    #[test]
    fn a_question_is_a_phrase_of_pairs() {
        let asked = |text: &str| phrase(text).into_iter().map(|word| (word.text, word.position)).collect::<Vec<_>>();
        assert_eq!(asked("好"), [("好".into(), 0)]);
        assert_eq!(asked("你好"), [("你好".into(), 0)]);
        assert_eq!(asked("你好吗"), [("你好".into(), 0), ("好吗".into(), 1)]);
        assert_eq!(asked("文abc"), [("文".into(), 0), ("abc".into(), 1)]);
        assert_eq!(asked("don't"), [("don".into(), 0), ("t".into(), 1)]);
    }

    #[test]
    fn a_run_without_end_is_cut() {
        assert_eq!(texts(&"x".repeat(200)).iter().map(String::len).collect::<Vec<_>>(), [64, 64, 64, 8]);
    }

    proptest! {
        #[test]
        fn every_substring_of_han_is_found(text in "[一-龥]{1,30}", a in 0usize..30, b in 0usize..30) {
            let characters: Vec<char> = text.chars().collect();
            let (from, until) = (a.min(b) % characters.len(), a.max(b) % characters.len());
            let part: String = characters[from.min(until)..=until.max(from)].iter().collect();
            prop_assert!(!places(&text, &[phrase(&part)]).unwrap().is_empty(), "{} in {}", part, text);
        }

        #[test]
        fn words_lie_between_characters(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(text.get(word.from..word.until).is_some_and(|piece| !piece.is_empty()), "{:?}", word);
            }
        }

        #[test]
        fn case_and_width_do_not_count(text in "[a-zA-Z0-9 ]{0,40}") {
            let wide: String = text.chars().map(|c| if c == ' ' { c } else {
                char::from_u32(c as u32 + 0xfee0).unwrap()
            }).collect();
            prop_assert_eq!(texts(&text), texts(&wide));
            prop_assert_eq!(texts(&text), texts(&text.to_uppercase()));
        }
    }
}
