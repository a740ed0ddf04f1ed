//! What `config/default.toml` says: every key with its meaning, what it may be, and its default.
//!
//! The file is read twice: by the TOML parser for the values, line by line for the comments. A test makes sure that no
//! key is without a comment.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, sync::LazyLock};

use toml::{Table, Value};

/// The file as built into the binary.
pub const DEFAULT_TOML: &str = include_str!("../../../../config/default.toml");

/// Every section in the order of the file.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::parse(DEFAULT_TOML));

/// All keys there are.
#[derive(Debug)]
pub struct Schema {
    /// The sections' names, in the order of the file.
    pub sections: Vec<String>,
    /// The keys, in the order of the file.
    pub keys: Vec<Key>,
    index: BTreeMap<String, usize>,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its full name, `section.key`.
    pub name: String,
    /// What it means, one line per line of the file.
    pub meaning: Vec<String>,
    /// What it may be, beyond its type.
    pub allowed: Allowed,
    /// What it is if nobody says otherwise. Also says of which type it is.
    pub default: Value,
}

/// Which values a key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Anything of its type.
    Any,
    /// A number in this range.
    Range(RangeInclusive<i64>),
    /// One of these words.
    Words(Vec<String>),
}

impl Schema {
    fn parse(text: &str) -> Self {
        let values: Table = toml::from_str(text).expect("config/default.toml is tested");
        let mut schema = Self { sections: Vec::new(), keys: Vec::new(), index: BTreeMap::new() };
        let mut comment = Vec::new();
        for line in text.lines() {
            if let Some(words) = line.strip_prefix('#') {
                comment.push(words.trim().to_owned());
            } else if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                schema.sections.push(section.to_owned());
                comment.clear();
            } else if let (Some((key, _)), Some(section)) = (line.split_once(" = "), schema.sections.last()) {
                let name = format!("{section}.{key}");
                let allowed = comment.last().and_then(|line| Allowed::parse(line));
                if allowed.is_some() {
                    comment.pop();
                }
                schema.index.insert(name.clone(), schema.keys.len());
                schema.keys.push(Key {
                    default: values[section][key].clone(),
                    meaning: std::mem::take(&mut comment),
                    allowed: allowed.unwrap_or(Allowed::Any),
                    name,
                });
            } else {
                comment.clear();
            }
        }
        schema
    }

    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.index.get(name).map(|&place| &self.keys[place])
    }

    /// The known key that looks most like `name`, if any looks like it at all.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let likeness = |key: &&Key| {
            let last = key.name.rsplit('.').next().unwrap_or_default();
            // Somebody who forgot or mixed up the section still meant the key.
            let bare = name.rsplit('.').next().unwrap_or_default();
            strsim::jaro_winkler(name, &key.name).max(0.98 * strsim::jaro_winkler(bare, last))
        };
        let best = self.keys.iter().rev().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(&best) > 0.75).then_some(best.name.as_str())
    }
}

impl Key {
    /// What the key wants, for people.
    pub fn expected(&self) -> String {
        match (&self.allowed, &self.default) {
            (Allowed::Range(range), _) => format!("a whole number from {} to {}", range.start(), range.end()),
            (Allowed::Words(words), _) => format!("one of {}", words.join(", ")),
            (Allowed::Any, Value::Boolean(_)) => "true or false".into(),
            (Allowed::Any, Value::Integer(_)) => "a whole number".into(),
            (Allowed::Any, Value::Array(_)) => "a list of texts".into(),
            (Allowed::Any, _) => "a text".into(),
        }
    }

    /// Whether `value` is of the key's type and among what it may be.
    pub fn takes(&self, value: &Value) -> bool {
        match (&self.default, value) {
            (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
            (Value::Integer(_), Value::Integer(number)) => match &self.allowed {
                Allowed::Range(range) => range.contains(number),
                _ => *number >= 0,
            },
            (Value::String(_), Value::String(word)) => match &self.allowed {
                Allowed::Words(words) => words.contains(word),
                _ => true,
            },
            (default, value) => default.same_type(value),
        }
    }

    /// A value as written outside of TOML: in the environment or on the command line.
    pub fn read(&self, text: &str) -> Option<Value> {
        let value = match &self.default {
            Value::Integer(_) => Value::Integer(text.trim().parse().ok()?),
            Value::Boolean(_) => Value::Boolean(text.trim().parse().ok()?),
            Value::Array(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(Value::from).collect())
            }
            _ => Value::String(text.to_owned()),
        };
        Some(value)
    }
}

impl Allowed {
    fn parse(line: &str) -> Option<Self> {
        let inner = line.strip_prefix('[')?.strip_suffix(']')?;
        if let Some((from, to)) = inner.split_once("..") {
            return Some(Allowed::Range(from.parse().ok()?..=to.parse().ok()?));
        }
        let words = inner.split('|').map(|word| word.trim().strip_prefix('"')?.strip_suffix('"').map(str::to_owned));
        words.collect::<Option<_>>().map(Allowed::Words)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Any => Ok(()),
            Allowed::Range(range) => write!(f, "[{}..{}]", range.start(), range.end()),
            Allowed::Words(words) => {
                write!(f, "[{}]", words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" | "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_explained() {
        let values: Table = toml::from_str(DEFAULT_TOML).unwrap();
        let in_file: usize = values.values().map(|section| section.as_table().unwrap().len()).sum();
        assert_eq!(SCHEMA.keys.len(), in_file);
        for key in &SCHEMA.keys {
            assert!(!key.meaning.is_empty(), "{} has no comment", key.name);
            assert!(key.takes(&key.default), "{}'s default is not what it may be", key.name);
            if key.default.is_integer() {
                assert!(matches!(key.allowed, Allowed::Range(_)), "{} has no range", key.name);
            }
        }
    }

    /// The environment spells `section.key` as `SECTION_KEY`; that is unambiguous only while no section has a `_`.
    #[test]
    fn sections_are_single_words() {
        assert!(SCHEMA.sections.iter().all(|section| section.bytes().all(|byte| byte.is_ascii_lowercase())));
    }

    #[test]
    fn near_misses_are_recognised() {
        assert_eq!(SCHEMA.nearest("server.listn"), Some("server.listen"));
        assert_eq!(SCHEMA.nearest("listen"), Some("server.listen"));
        assert_eq!(SCHEMA.nearest("gateway.body_bytes"), Some("limits.body_bytes"));
        assert_eq!(SCHEMA.nearest("zzz.qqq"), None);
    }
}
