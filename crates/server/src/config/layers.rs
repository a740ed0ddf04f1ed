//! What was written, and where: the layers put on one another, each value with its source.
//!
//! A layer can only say what the schema knows, and only in the right type. What the values mean together is not decided
//! here (see [`super::Config`]).

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{ConfigError, SCHEMA, schema::Key};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `config/default.toml`.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// `--set`.
    Set,
    /// A flag of its own.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "file {}", path.display()),
            Source::Environment(name) => write!(f, "environment {name}"),
            Source::Set => f.write_str("--set"),
            Source::Flag(flag) => f.write_str(flag),
        }
    }
}

/// Variables that begin with `ANSER_` and are no options: the file's name, and what test builds and tests use.
const OTHER_VARIABLES: &[&str] =
    &["ANSER_BIN", "ANSER_CONFIG", "ANSER_FAILPOINT", "ANSER_PLANT", "ANSER_UPDATE_SNAPSHOTS"];
const TEST_VARIABLES: &str = "ANSER_TEST_";

/// Every key's value and its source.
#[derive(Clone, Debug)]
pub struct Written {
    values: BTreeMap<&'static str, (Value, Source)>,
}

impl Written {
    /// The lowest layer.
    pub fn defaults() -> Self {
        let values = SCHEMA.keys.iter().map(|key| (key.name.as_str(), (key.default.clone(), Source::Default)));
        Self { values: values.collect() }
    }

    /// The value of `key` and where it comes from.
    pub fn get(&self, key: &str) -> Option<(&Value, &Source)> {
        self.values.get(key).map(|(value, source)| (value, source))
    }

    /// Lays a file on top.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::File { path: path.to_owned(), cause: cause.to_string() })?;
        self.toml(&text, path)
    }

    fn toml(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let source = Source::File(path.to_owned());
        let table: Table = toml::from_str(text)
            .map_err(|cause| ConfigError::File { path: path.to_owned(), cause: cause.to_string() })?;
        for (section, entries) in table {
            let Value::Table(entries) = entries else {
                return Err(unknown(section, &source));
            };
            for (name, value) in entries {
                let name = format!("{section}.{name}");
                let key = SCHEMA.key(&name).ok_or_else(|| unknown(name, &source))?;
                self.put(key, Some(value.clone()), &value.to_string(), source.clone())?;
            }
        }
        Ok(())
    }

    /// Lays the environment on top: `ANSER_SECTION_KEY`.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), ConfigError> {
        for (variable, text) in variables {
            let Some(rest) = variable.strip_prefix("ANSER_") else { continue };
            if OTHER_VARIABLES.contains(&variable.as_str()) || variable.starts_with(TEST_VARIABLES) {
                continue;
            }
            let name = rest.to_ascii_lowercase().replacen('_', ".", 1);
            let source = Source::Environment(variable);
            let key = SCHEMA.key(&name).ok_or_else(|| unknown(name, &source))?;
            self.put(key, key.read(&text), &text, source)?;
        }
        Ok(())
    }

    /// Lays one `section.key=value` on top.
    pub fn set(&mut self, assignment: &str) -> Result<(), ConfigError> {
        let (name, text) =
            assignment.split_once('=').ok_or_else(|| ConfigError::NotAnAssignment(assignment.to_owned()))?;
        let key = SCHEMA.key(name.trim()).ok_or_else(|| unknown(name.trim().to_owned(), &Source::Set))?;
        self.put(key, key.read(text), text, Source::Set)
    }

    /// Lays a flag on top, if it was given.
    pub fn flag(&mut self, flag: &'static str, name: &str, text: Option<&str>) -> Result<(), ConfigError> {
        let Some(text) = text else { return Ok(()) };
        let source = Source::Flag(flag);
        let key = SCHEMA.key(name).ok_or_else(|| unknown(name.to_owned(), &source))?;
        self.put(key, key.read(text), text, source)
    }

    /// All values as one table.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        for (name, (value, _)) in &self.values {
            let (section, key) = name.split_once('.').expect("keys have a section");
            let section = table.entry(section).or_insert_with(|| Table::new().into());
            section.as_table_mut().expect("sections are tables").insert(key.to_owned(), value.clone());
        }
        table
    }

    fn put(&mut self, key: &'static Key, value: Option<Value>, text: &str, source: Source) -> Result<(), ConfigError> {
        match value.filter(|value| key.takes(value)) {
            Some(value) => {
                self.values.insert(&key.name, (value, source));
                Ok(())
            }
            None => Err(ConfigError::BadValue {
                key: key.name.clone(),
                value: text.to_owned(),
                source_of_value: source,
                problem: format!("expected {}", key.expected()),
            }),
        }
    }
}

fn unknown(key: String, source: &Source) -> ConfigError {
    let nearest = SCHEMA.nearest(&key).map(str::to_owned);
    ConfigError::UnknownKey { key, nearest, source_of_key: source.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(written: &Written, key: &str) -> String {
        let (value, source) = written.get(key).unwrap();
        format!("{value} from {source}")
    }

    #[test]
    fn later_layers_win_and_sources_are_kept() {
        let mut written = Written::defaults();
        assert_eq!(value(&written, "limits.friends"), "2000 from default");
        written.toml("[limits]\nfriends = 1\n[log]\nformat = \"json\"", Path::new("a.toml")).unwrap();
        written.environment([("ANSER_LIMITS_FRIENDS".into(), "2".into())].into_iter()).unwrap();
        assert_eq!(value(&written, "limits.friends"), "2 from environment ANSER_LIMITS_FRIENDS");
        written.set("limits.friends=3").unwrap();
        written.flag("--listen", "server.listen", Some("[::1]:80")).unwrap();
        assert_eq!(value(&written, "limits.friends"), "3 from --set");
        assert_eq!(value(&written, "log.format"), "\"json\" from file a.toml");
        assert_eq!(value(&written, "server.listen"), "\"[::1]:80\" from --listen");
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let mut written = Written::defaults();
        let error = written.set("limits.freinds=3").unwrap_err().to_string();
        assert_eq!(error, "--set: there is no option \"limits.freinds\"; did you mean \"limits.friends\"?");
        let error = written.environment([("ANSER_SERVER_LISTN".into(), "x".into())].into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment ANSER_SERVER_LISTN: there is no option \"server.listn\"; did you mean \"server.listen\"?"
        );
        assert!(written.toml("limits = 3", Path::new("a.toml")).is_err());
    }

    #[test]
    fn values_are_checked_where_they_are_written() {
        let mut written = Written::defaults();
        let error = written.set("limits.friends=many").unwrap_err().to_string();
        assert_eq!(error, "--set: limits.friends = many: expected a whole number from 1 to 1000000");
        assert!(written.set("limits.friends=0").is_err());
        assert!(written.set("log.format=xml").is_err());
        assert!(written.set("log.format").is_err());
        assert!(written.toml("[limits]\nfriends = \"3\"", Path::new("a.toml")).is_err());
    }

    #[test]
    fn tests_may_have_variables_of_their_own() {
        let variables = [("ANSER_TEST_URL".into(), "x".into()), ("HOME".into(), "/".into())];
        assert!(Written::defaults().environment(variables.into_iter()).is_ok());
    }
}
