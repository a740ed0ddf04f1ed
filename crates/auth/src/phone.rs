//! Phone numbers: taken as people write them with the country in front, kept in E.164.
//!
//! Only numbers that a text message can be for are taken: mobile ones, and those of countries where nobody can tell. A
//! number with a price of its own is never written to.

use std::fmt;

use anser_types::{Code, Error, Result};
use phonenumber::{Mode, Type, metadata::DATABASE};
use tokio::{sync::OnceCell, task::spawn_blocking};

/// The longest text that is looked at. E.164 has 15 digits at most; the rest is for spaces and brackets.
const MOST_BYTES: usize = 32;
/// So many last digits are left out of a number's range.
const RANGE_DIGITS: usize = 4;

/// Waits until the table of the world's numbers is read. That happens once, for the first number, and takes so long that
/// it has a thread of its own: everything else would stand still meanwhile.
pub(crate) async fn table_read() {
    static READ: OnceCell<()> = OnceCell::const_new();
    let read = || async {
        // Should it fail there, the first number reads it.
        let _ = spawn_blocking(|| DATABASE.by_id("CN").is_some()).await;
    };
    READ.get_or_init(read).await;
}

/// A number in E.164, such as `+8613800138000`. Its Debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Phone(String);

impl Phone {
    /// The number in `text`, if it is of one of `countries` (ISO 3166-1, two capital letters; none named: all).
    pub(crate) fn parse(text: &str, countries: &[String]) -> Result<Self> {
        let shaped =
            text.len() <= MOST_BYTES && text.starts_with('+') && text.chars().skip(1).all(is_written_in_numbers);
        let number = shaped.then(|| phonenumber::parse(None, text).ok()).flatten();
        let number = number.filter(phonenumber::is_valid).ok_or_else(malformed)?;
        let country = number.country().id();
        if !countries.is_empty() && !country.is_some_and(|country| countries.iter().any(|one| one == country.as_ref()))
        {
            return Err(Error::new(Code::Unsupported, "numbers of this country are not served here"));
        }
        if !matches!(number.number_type(&DATABASE), Type::Mobile | Type::FixedLineOrMobile) {
            return Err(Error::field("phone", "must be the number of a mobile phone"));
        }
        let text = number.format().mode(Mode::E164).to_string();
        let is_e164 = (8..=16).contains(&text.len())
            && text.strip_prefix('+').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        if is_e164 { Ok(Self(text)) } else { Err(malformed()) }
    }

    /// In E.164.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The ten thousand numbers that it is one of: who is paid for messages to a range goes through it.
    pub(crate) fn range(&self) -> String {
        self.0[..self.0.len() - RANGE_DIGITS].to_owned()
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

/// No extensions, no letters, no parameters: what is left means the same to everybody.
fn is_written_in_numbers(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, ' ' | '-' | '(' | ')' | '.')
}

fn malformed() -> Error {
    Error::field("phone", "must be a phone number with its country in front, such as +8613800138000")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String> {
        Phone::parse(text, &["CN".into(), "DE".into()]).map(|phone| phone.0)
    }

    #[test]
    fn however_it_is_written_a_number_is_one_number() {
        for text in ["+8613800138000", "+86 138 0013 8000", "+86-138-0013-8000", "+86 (138) 0013.8000"] {
            assert_eq!(parse(text).unwrap(), "+8613800138000", "{text}");
        }
        assert_eq!(parse("+49 (0) 151 23456789").unwrap(), "+4915123456789");
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        for text in [
            "",
            "+",
            "13800138000",
            "008613800138000",
            "+86",
            "+861380013800",
            "+86138001380000",
            "+8613800138000;ext=5",
            "tel:+8613800138000",
            "+86138oo138000",
            "＋8613800138000",
            "+86 10 6552 9988",
            "+86 800 810 1234",
            "+999999999999",
            "+8613800138000\n",
            "+86 1 3 8 0 0 1 3 8 0 0 0 - - - - - - -",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "phone"), "{text}");
        }
    }

    #[test]
    fn only_the_countries_that_are_served_are_served() {
        assert_eq!(parse("+447400123456").unwrap_err().code, Code::Unsupported);
        assert!(Phone::parse("+447400123456", &[]).is_ok());
    }

    #[test]
    fn a_range_is_ten_thousand_numbers_and_a_number_is_not_shown() {
        let phone = Phone::parse("+8613800138000", &[]).unwrap();
        assert_eq!(phone.range(), "+861380013");
        assert!(!format!("{phone:?}").contains("138"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes in: nothing breaks, and what is taken is E.164 and means itself.
        #[test]
        fn any_text_is_refused_or_means_itself(text in prop_oneof![
            any::<String>(),
            "\\+[0-9 ().-]{0,34}",
            "\\+(86|1|44|49|7|852)[0-9]{6,12}",
        ]) {
            if let Ok(phone) = Phone::parse(&text, &[]) {
                prop_assert!(phone.as_str().starts_with('+') && (8..=16).contains(&phone.as_str().len()));
                prop_assert!(phone.as_str()[1..].bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(Phone::parse(phone.as_str(), &[]), Ok(phone));
            }
        }
    }
}
