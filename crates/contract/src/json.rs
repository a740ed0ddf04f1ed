//! How protobuf messages look in JSON where serde's defaults would not do: ids as base32, enums as words.

/// An enum that is spelled as a snake_case word; index 0 is `unspecified`.
pub trait Word: TryFrom<i32> + Into<i32> {
    /// The words, by number.
    const WORDS: &'static [&'static str];
}

/// The words of `W`, as the API document describes them.
pub fn schema<W: Word>() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let words = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
    words.enum_values(Some(W::WORDS.iter().copied())).into()
}

/// One id: base32 text; empty bytes are an empty text.
pub mod id {
    use anser_types::{Id, base32};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// Bytes → base32.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base32::encode(bytes))
    }

    /// Base32 → 16 bytes, or none for an empty text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Vec::new());
        }
        text.parse::<Id>().map(|id| id.0.to_vec()).map_err(|error| D::Error::custom(error.detail))
    }
}

/// A list of ids.
pub mod ids {
    use anser_types::{Id, base32};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// Each id as base32.
    pub fn serialize<S: Serializer>(ids: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ids.iter().map(|bytes| base32::encode(bytes)))
    }

    /// Each text as 16 bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let parse = |text: String| text.parse::<Id>().map(|id| id.0.to_vec());
        texts.into_iter().map(parse).collect::<Result<_, _>>().map_err(|error| D::Error::custom(error.detail))
    }
}

/// An enum as its word.
pub mod word {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::Word;

    /// Number → word; a number we do not know is `unspecified`.
    pub fn serialize<W: Word, S: Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(W::WORDS.get(*value as usize).unwrap_or(&W::WORDS[0]))
    }

    /// Word → number.
    pub fn deserialize<'de, W: Word, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let index = W::WORDS.iter().position(|word| *word == text);
        index.map(|index| index as i32).ok_or_else(|| D::Error::custom(format!("one of {}", W::WORDS.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use crate::v1::{Content, Location, content::Kind};

    #[test]
    fn a_place_in_json_is_where_it_is_in_protobuf() {
        for latitude in [9.798924817196081, 48.137, -89.99999999999999, 0.1 + 0.2] {
            let place = Location { latitude, longitude: -latitude, ..Location::default() };
            let content = Content::from(Kind::Location(Box::new(place)));
            let json = serde_json::to_string(&content).expect("plain JSON");
            assert_eq!(serde_json::from_str::<Content>(&json).expect("the same"), content);
        }
    }
}
