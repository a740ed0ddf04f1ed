//! Crockford base32, lower case, without padding: how ids and opaque tokens look in text.
//!
//! Decoding takes upper case and Crockford's look-alikes (`i l` → 1, `o` → 0), because people retype ids.
//! Source: <https://www.crockford.com/base32.html>.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Encodes `bytes` most significant bit first; the last character is padded with zero bits.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity((bytes.len() * 8).div_ceil(5));
    let (mut buffer, mut bits) = (0u32, 0u32);
    for &byte in bytes {
        buffer = (buffer << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(ALPHABET[((buffer >> bits) & 31) as usize] as char);
        }
    }
    if bits > 0 {
        out.push(ALPHABET[((buffer << (5 - bits)) & 31) as usize] as char);
    }
    out
}

/// Decodes what [`encode`] wrote. `None` on a foreign character, an impossible length or padding bits that are not
/// zero, so that every byte string has exactly one accepted spelling up to case and look-alikes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for character in text.bytes() {
        buffer = (buffer << 5) | u32::from(value(character)?);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
        }
    }
    let padding = buffer & ((1 << bits) - 1);
    (bits < 5 && padding == 0).then_some(out)
}

fn value(character: u8) -> Option<u8> {
    let lower = match character.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|&known| known == lower).map(|index| index as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_have_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..60), text in ".{0,60}") {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
            if let Some(bytes) = decode(&text) {
                let proper = text.to_ascii_lowercase().replace('o', "0").replace(['i', 'l'], "1");
                prop_assert_eq!(encode(&bytes), proper);
            }
        }
    }

    #[test]
    fn round_trips_every_length() {
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37).wrapping_add(length)).collect();
            assert_eq!(decode(&encode(&bytes)).as_deref(), Some(&bytes[..]));
        }
    }

    #[test]
    fn sixteen_bytes_are_twenty_six_characters() {
        assert_eq!(encode(&[0xff; 16]).len(), 26);
    }

    #[test]
    fn refuses_foreign_characters_and_loose_padding() {
        assert_eq!(decode("u"), None);
        assert_eq!(decode("zz!"), None);
        assert_eq!(decode("01"), None); // one byte would leave two padding bits, and they are not zero
    }

    #[test]
    fn forgives_case_and_look_alikes() {
        let text = encode(&[1, 2, 3, 4, 5]);
        assert_eq!(decode(&text.to_uppercase().replace('0', "O").replace('1', "L")), Some(vec![1, 2, 3, 4, 5]));
    }
}
