//! Text as it is compared: NFKC, case folded, without what is invisible. Each folded character knows which bytes of the
//! original it came from, so that what is found can be shown there.
//!
//! Normalising a text at once would lose the places, so it is cut where nothing on the right can change what stands on the
//! left, and each piece is folded by itself. Most pieces are one character.

use std::iter::once;

use caseless::default_case_fold_str;
use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::canonical_combining_class, char::decompose_compatible, is_nfkc_quick,
};

/// One character after folding, and the bytes of the original that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The character.
    pub character: char,
    /// Where the original begins.
    pub from: usize,
    /// Where it ends.
    pub until: usize,
}

/// Folds a text.
pub fn fold(text: &str) -> Vec<Folded> {
    let mut out = Vec::with_capacity(text.len());
    let mut begin = 0;
    for (at, character) in text.char_indices() {
        if at > begin && !joins_what_is_before(character) {
            fold_piece(&text[begin..at], begin, &mut out);
            begin = at;
        }
    }
    fold_piece(&text[begin..], begin, &mut out);
    out
}

/// The folded characters alone.
pub fn folded(text: &str) -> String {
    fold(text).into_iter().map(|folded| folded.character).collect()
}

fn fold_piece(piece: &str, begin: usize, out: &mut Vec<Folded>) {
    let (from, until) = (begin, begin + piece.len());
    if let [byte] = piece.as_bytes() {
        out.push(Folded { character: char::from(byte.to_ascii_lowercase()), from, until });
        return;
    }
    let composed: String = piece.nfkc().collect();
    // Folding may take a text out of its normal form, so it is normalised again.
    let characters = default_case_fold_str(&composed).nfkc().collect::<Vec<_>>();
    let visible = characters.into_iter().filter(|&character| !is_invisible(character));
    out.extend(visible.map(|character| Folded { character, from, until }));
}

/// Whether a character may melt with what stands before it, or change places with it.
fn joins_what_is_before(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    let mut first = None;
    decompose_compatible(character, |part| first = first.or(Some(part)));
    let first = first.unwrap_or(character);
    canonical_combining_class(first) != 0 || is_nfkc_quick(once(first)) == IsNormalized::Maybe
}

/// Characters that nobody sees and nobody types: soft hyphens, joiners, marks of direction, selectors of a variant.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn width_case_and_composition_do_not_count() {
        for (left, right) in [
            ("HELLO", "hello"),
            ("ÀÉ", "a\u{300}e\u{301}"),
            ("Ｆｕｌｌ", "full"),
            ("straße", "STRASSE"),
            ("ﬁn", "fin"),
            ("ｶﾞ", "ガ"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("in\u{200b}visible", "invisible"),
        ] {
            assert_eq!(folded(left), folded(right), "{left} and {right}");
        }
    }

    #[test]
    fn each_character_knows_its_place() {
        let text = "Ａé\u{301}字";
        for Folded { from, until, .. } in fold(text) {
            assert!(text.get(from..until).is_some_and(|piece| !piece.is_empty()));
        }
        assert_eq!(&text[fold(text)[0].from..fold(text)[0].until], "Ａ");
    }

    proptest! {
        #[test]
        fn folding_by_pieces_is_folding_at_once(text in "\\PC{0,40}") {
            let composed: String = text.nfkc().collect();
            let whole: String = default_case_fold_str(&composed).nfkc().filter(|&c| !is_invisible(c)).collect();
            // Case folding can bring a mark to the front of a piece; compare up to another normalisation.
            let again = |text: &str| text.nfkc().collect::<String>();
            prop_assert_eq!(again(&folded(&text)), again(&whole));
        }

        #[test]
        fn places_are_in_order_and_lie_between_characters(text in any::<String>()) {
            let mut last = 0;
            for Folded { from, until, .. } in fold(&text) {
                prop_assert!(from >= last && text.get(from..until).is_some());
                last = from;
            }
        }
    }
}
