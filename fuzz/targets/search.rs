//! A question and a text, a NUL between them: both are cut into words of the text, what is found stands where it is said to,
//! and a cursor is what it was made of.
#![no_main]

use anser_search::{
    fold::{fold, folded},
    messages::{
        ask::phrases,
        highlight::{places, snippet},
        walk::Rank,
    },
    words::words,
};
use libfuzzer_sys::fuzz_target;

fn check_words(text: &str) {
    let mut last = 0;
    for one in fold(text) {
        assert!(one.from >= last && text.get(one.from..one.until).is_some_and(|piece| !piece.is_empty()));
        last = one.from;
    }
    let mut position = 0;
    for word in words(text) {
        assert!(text.get(word.from..word.until).is_some_and(|piece| !piece.is_empty()));
        assert!(!word.text.is_empty() && word.text.chars().count() <= 64);
        assert!(word.position == position || word.position == position + 1, "without holes");
        position = word.position;
    }
    assert_eq!(folded(text), fold(text).iter().map(|one| one.character).collect::<String>());
}

fuzz_target!(|data: &[u8]| {
    if let Some(rank) = Rank::from_bytes(data) {
        assert_eq!(rank.to_bytes(), data);
    }
    let Ok(data) = std::str::from_utf8(data) else { return };
    let (question, text) = data.split_once('\0').unwrap_or((data, data));
    check_words(question);
    check_words(text);
    let Ok(phrases) = phrases(question) else { return };
    assert!((1..=32).contains(&phrases.iter().map(Vec::len).sum::<usize>()));
    // Whatever was asked stands in itself.
    assert!(places(question, &phrases).is_some(), "{question:?} is not found in itself");
    let Some(found) = places(text, &phrases) else { return };
    assert!(!found.is_empty() && found.windows(2).all(|two| two[0].1 < two[1].0));
    let (shown, marks) = snippet(text, &found);
    let length = shown.chars().count() as u32;
    assert!(length <= 160 && text.contains(&shown) && marks.len() <= 32);
    let mut last = 0;
    for mark in marks {
        assert!(last <= mark.from && mark.from < mark.until && mark.until <= length);
        last = mark.until;
    }
});
