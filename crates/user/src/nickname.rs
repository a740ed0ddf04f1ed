//! What a nickname may be. The one place that says so.

use anser_types::{Error, Result};

/// Accepts 1 to `most` bytes that are not all white space and hold no control characters.
pub fn check(nickname: &str, most: usize) -> Result<()> {
    let refused = |detail: &str| Err(Error::field("nickname", detail));
    if nickname.trim().is_empty() {
        return refused("must not be empty");
    }
    if nickname.len() > most {
        return refused(&format!("must be at most {most} bytes"));
    }
    if nickname.chars().any(char::is_control) {
        return refused("must not hold control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_words_and_refuses_what_is_empty_long_or_steers_terminals() {
        for good in ["A", "Ada Lovelace", "小明", "👩‍🚀", &"x".repeat(64)] {
            assert_eq!(check(good, 64), Ok(()), "{good:?}");
        }
        for bad in ["", "  ", "a\nb", "a\u{1b}[2J", "\u{85}x", &"x".repeat(65), &"明".repeat(22)] {
            assert!(check(bad, 64).is_err(), "{bad:?}");
        }
    }
}
