//! Byte ranges (RFC 9110, section 14). One at a time: who asks for several gets the whole, as the standard allows.

use std::ops::Range;

/// What of a whole is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// All of it.
    Whole,
    /// A part of it, which is there.
    Part(Range<u64>),
    /// Nothing that is there.
    Nothing,
}

/// Reads the header `Range` for something of `size` bytes. What is not understood asks for the whole.
pub fn parse(header: Option<&str>, size: u64) -> Asked {
    let Some(asked) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Asked::Whole };
    let Some((first, last)) = asked.trim().split_once('-') else { return Asked::Whole };
    let (first, last) = (first.trim(), last.trim());
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => part(first, last.saturating_add(1).min(size), size),
        (Some(first), None) if last.is_empty() => part(first, size, size),
        (None, Some(suffix)) if first.is_empty() => part(size.saturating_sub(suffix), size, size),
        _ => Asked::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> Asked {
    if start < end && end <= size { Asked::Part(start..end) } else { Asked::Nothing }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a number holds mean: to the end, or nowhere.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let of_ten = |header| parse(Some(header), 10);
        assert_eq!(parse(None, 10), Asked::Whole);
        assert_eq!(of_ten("bytes=0-3"), Asked::Part(0..4));
        assert_eq!(of_ten("bytes=4-"), Asked::Part(4..10));
        assert_eq!(of_ten("bytes=-3"), Asked::Part(7..10));
        assert_eq!(of_ten("bytes=-30"), Asked::Part(0..10));
        assert_eq!(of_ten("bytes=5-99999999999999999999999"), Asked::Part(5..10));
        for nothing in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of_ten(nothing), Asked::Nothing, "{nothing}");
        }
        for strange in ["bytes=", "bytes=3-1", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=1", "bytes=+1-2"] {
            assert_eq!(of_ten(strange), Asked::Whole, "{strange}");
        }
        assert_eq!(parse(Some("bytes=0-"), 0), Asked::Nothing);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_lies_within(
            header in prop_oneof!["bytes=[0-9]{0,20}-[0-9]{0,20}", "(bytes=)?[-0-9, +]{0,12}", any::<String>()],
            size: u64,
        ) {
            if let Asked::Part(range) = parse(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
