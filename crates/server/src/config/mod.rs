//! The configuration, in two steps: what was written ([`Written`]: layers, keys, sources), then what it means
//! ([`Config`]: types). `config/default.toml` is the one list of keys, defaults and meanings.

mod error;
mod layers;
mod print;
mod schema;
mod sections;

use std::path::Path;

pub use error::ConfigError;
pub use layers::{Source, Written};
pub use print::{effective, reference};
pub use schema::{Allowed, DEFAULT_TOML, Key, SCHEMA, Schema};
pub use sections::*;
use serde::Deserialize;

use crate::roles::Placement;

/// What the configuration means. One field per section; one field in those per key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml is the documentation, and a test makes sure that it is complete")]
pub struct Config {
    pub server: Server,
    pub store: Store,
    pub gateway: Gateway,
    pub chatroom: Chatroom,
    pub auth: Auth,
    pub sms: Sms,
    pub contact: Contact,
    pub messaging: Messaging,
    pub search: Search,
    pub files: Files,
    pub speech: Speech,
    pub limits: Limits,
    pub peers: Peers,
    pub log: Log,
    pub telemetry: Telemetry,
}

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Overrides<'a> {
    /// `--config`.
    pub file: Option<&'a Path>,
    /// `--set`, in order.
    pub set: &'a [String],
    /// Flags that are short for a key: flag, key, value.
    pub flags: Vec<(&'static str, &'static str, Option<&'a str>)>,
}

/// All layers put on one another.
pub fn written(
    overrides: &Overrides<'_>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Written, ConfigError> {
    let mut written = Written::defaults();
    if let Some(path) = overrides.file {
        written.file(path)?;
    }
    written.environment(environment)?;
    for assignment in overrides.set {
        written.set(assignment)?;
    }
    for (flag, key, text) in &overrides.flags {
        written.flag(flag, key, *text)?;
    }
    Ok(written)
}

impl Config {
    /// Reads what was written.
    pub fn new(written: &Written) -> Result<Self, ConfigError> {
        let config: Config = written.table().try_into().map_err(|error| bad_value(written, &error))?;
        config.check()?;
        Ok(config)
    }

    /// Which roles run here and where the others are.
    pub fn placement(&self) -> Result<Placement, ConfigError> {
        Placement::of(&self.server.roles, &self.peers).map_err(ConfigError::Contradiction)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let ordered = [
            ("limits.body_bytes", limits.body_bytes, "limits.frame_bytes", limits.frame_bytes),
            ("limits.body_bytes", limits.body_bytes, "limits.request_bytes", limits.request_bytes),
            (
                "limits.password_min_bytes",
                limits.password_min_bytes,
                "limits.password_max_bytes",
                limits.password_max_bytes,
            ),
        ];
        for (small, less, great, more) in ordered {
            if less > more {
                return Err(ConfigError::Contradiction(format!("{small} ({less}) must not exceed {great} ({more})")));
            }
        }
        if self.gateway.tls_certificate.is_some() != self.gateway.tls_key.is_some() {
            let text = "gateway.tls_certificate and gateway.tls_key go together";
            return Err(ConfigError::Contradiction(text.to_owned()));
        }
        if self.gateway.tls_certificate.is_some() && !self.gateway.acme_domains.is_empty() {
            let text = "gateway.tls_certificate is kept by you, one for gateway.acme_domains by us: set one of them";
            return Err(ConfigError::Contradiction(text.to_owned()));
        }
        self.placement().map(|_| ())
    }
}

/// The TOML reader names the key in its first line; its source is ours to add.
fn bad_value(written: &Written, error: &toml::de::Error) -> ConfigError {
    let text = error.to_string();
    let key = text.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`')).unwrap_or_default().to_owned();
    let (value, source) = written
        .get(&key)
        .map_or_else(|| (String::new(), Source::Default), |(value, source)| (value.to_string(), source.clone()));
    ConfigError::BadValue { key, value, source_of_value: source, problem: error.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(set: &[&str]) -> Result<Config, String> {
        let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
        let written =
            written(&Overrides { set: &set, ..Overrides::default() }, std::iter::empty()).map_err(|e| e.to_string())?;
        Config::new(&written).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_a_configuration() {
        let config = read(&[]).unwrap();
        assert_eq!(config.limits.body_bytes, 65_536);
        assert_eq!(config.server.listen.port(), 8080);
        assert_eq!(config.server.roles, crate::roles::Role::ALL);
    }

    #[test]
    fn bad_values_name_their_key_and_source() {
        assert_eq!(
            read(&["server.listen=nowhere"]).unwrap_err(),
            "--set: server.listen = \"nowhere\": an address is IP:port, such as 127.0.0.1:8080"
        );
        assert!(read(&["server.roles=gateway,author"]).unwrap_err().contains("auth"));
        assert!(read(&["log.level=info,=x=y"]).unwrap_err().starts_with("--set: log.level"));
        assert!(read(&["gateway.tls_key=key.pem"]).unwrap_err().contains("go together"));
        let both = ["gateway.tls_key=k.pem", "gateway.tls_certificate=c.pem", "gateway.acme_domains=chat.example.com"];
        assert!(read(&both).unwrap_err().contains("set one of them"));
        for name in
            ["*.example.com", "Chat.example.com", "192.0.2.1", "chat..com", "-a.com", "https://chat.example.com"]
        {
            assert!(read(&[&format!("gateway.acme_domains={name}")]).unwrap_err().contains("a name is"), "{name}");
        }
        assert!(read(&["gateway.trusted_proxies=10.0.0.0/8,proxy"]).unwrap_err().contains("a network is"));
        assert!(read(&["gateway.allowed_origins=chat.example.com"]).unwrap_err().contains("an origin is"));
        assert!(read(&["limits.frame_bytes=5000"]).unwrap_err().contains("must not exceed"));
    }

    /// Words that are hostile, out of range, of another type, or almost right.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| number.to_string()),
            "[0-9a-z:/.,*\\-\\[\\]\"' =\u{0}\u{e9}]{0,40}",
            prop::sample::select(vec!["true", "false", "[]", "{}", "", "::1", "10.0.0.0/8", "https://a.b", "gateway"])
                .prop_map(str::to_owned),
        ]
    }

    proptest! {
        /// Whatever is said about any keys is taken, or refused with an error that names a key; and what is taken is
        /// within the range that the documentation tells.
        #[test]
        fn anything_may_be_said(said in prop::collection::vec((0..SCHEMA.keys.len(), word()), 1..4)) {
            let set: Vec<String> = said.iter().map(|(key, word)| format!("{}={word}", SCHEMA.keys[*key].name)).collect();
            let overrides = Overrides { set: &set, ..Overrides::default() };
            let config = written(&overrides, std::iter::empty()).and_then(|written| {
                Config::new(&written)?;
                Ok(written)
            });
            match config {
                Ok(written) => {
                    for (key, _) in &said {
                        let key = &SCHEMA.keys[*key];
                        if let (Allowed::Range(range), Some((toml::Value::Integer(number), _))) = (&key.allowed, written.get(&key.name)) {
                            prop_assert!(range.contains(number), "{} = {number}", key.name);
                        }
                    }
                }
                Err(error) => {
                    let text = error.to_string();
                    let names_one = SCHEMA.keys.iter().any(|key| text.contains(&key.name));
                    prop_assert!(names_one, "{text}");
                }
            }
        }

        /// A file that says anything about any keys is read, or refused with an error that names it or a key.
        #[test]
        fn any_file_may_be_given(said in prop::collection::vec((0..SCHEMA.keys.len(), word()), 0..4), end in "[a-z=\\[\"]{0,6}") {
            let line = |(key, word): &(usize, String)| {
                let (section, key) = SCHEMA.keys[*key].name.split_once('.').expect("keys have a section");
                format!("[{section}]\n{key} = {word}\n")
            };
            let text = said.iter().map(line).collect::<String>() + &end;
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("anser.toml");
            std::fs::write(&path, &text).unwrap();
            let overrides = Overrides { file: Some(&path), ..Overrides::default() };
            if let Err(error) = written(&overrides, std::iter::empty()).and_then(|written| Config::new(&written)) {
                let error = error.to_string();
                let names_one = error.contains("anser.toml") || SCHEMA.keys.iter().any(|key| error.contains(&key.name));
                prop_assert!(names_one, "{error}");
            }
        }
    }
}
