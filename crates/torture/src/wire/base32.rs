//! Ids as text: Crockford's base32 in lower case, and fresh UUIDv7s.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The text form of an id's bytes.
pub fn id_text(bytes: &[u8]) -> String {
    let bits = bytes.len() * 8;
    let bit = |index: usize| index < bits && bytes[index / 8] >> (7 - index % 8) & 1 == 1;
    (0..bits.div_ceil(5))
        .map(|group| (0..5).fold(0, |value, offset| value << 1 | usize::from(bit(group * 5 + offset))))
        .map(|value| char::from(ALPHABET[value]))
        .collect()
}

/// The bytes of an id's text; `None` for anything that is not one.
pub fn id_bytes(text: &str) -> Option<Vec<u8>> {
    let values: Option<Vec<usize>> =
        text.bytes().map(|letter| ALPHABET.iter().position(|&known| known == letter)).collect();
    let values = values?;
    let bit = |index: usize| values[index / 5] >> (4 - index % 5) & 1;
    let byte = |index: usize| (0..8).fold(0u8, |byte, offset| byte << 1 | bit(index * 8 + offset) as u8);
    Some((0..values.len() * 5 / 8).map(byte).collect())
}

/// A UUIDv7 as text, from Unix milliseconds and 128 random bits.
pub fn new_id(unix_ms: i64, random: u128) -> String {
    let mut bytes = random.to_be_bytes();
    bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
    bytes[6] = 0x70 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    id_text(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        let id = new_id(1_700_000_000_000, 0x1234_5678_9abc_def0_1234_5678_9abc_def0);
        assert_eq!(id.len(), 26);
        let bytes = id_bytes(&id).expect("just made");
        assert_eq!(bytes.len(), 16);
        assert_eq!(id_text(&bytes), id);
        assert_eq!(id_bytes("hello!"), None);
    }
}
