//! What a line of people's own text may be: nicknames, remarks, names of things.

use crate::{Error, Result};

/// Accepts at most `most` bytes without control characters.
pub fn check_line(field: &str, text: &str, most: usize) -> Result<()> {
    if text.len() > most {
        return Err(Error::field(field, format!("must be at most {most} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::field(field, "must not hold control characters"));
    }
    Ok(())
}

/// Accepts 1 to `most` bytes that are not all white space and hold no control characters.
pub fn check_name(field: &str, text: &str, most: usize) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::field(field, "must not be empty"));
    }
    check_line(field, text, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_not_empty_long_or_steering_terminals() {
        for good in ["A", "Ada Lovelace", "小明", "👩‍🚀", &"x".repeat(64)] {
            assert_eq!(check_name("nickname", good, 64), Ok(()), "{good:?}");
        }
        for bad in ["", "  ", "a\nb", "a\u{1b}[2J", "\u{85}x", &"x".repeat(65), &"明".repeat(22)] {
            let error = check_name("nickname", bad, 64).unwrap_err();
            assert_eq!(error.fields[0].field, "nickname", "{bad:?}");
        }
        assert_eq!(check_line("remark", "", 64), Ok(()));
    }
}
