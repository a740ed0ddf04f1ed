//! Why a configuration is refused, in words that say what to change.

use std::path::PathBuf;

use super::Source;

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no such key.
    #[error(
        "{source_of_key}: there is no option {key:?}{}",
        nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near:?}?"))
    )]
    UnknownKey {
        /// What was written.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
        /// Where it was written.
        source_of_key: Source,
    },
    /// The key exists and does not take this value.
    #[error("{source_of_value}: {key} = {value}: {problem}")]
    BadValue {
        /// Which key.
        key: String,
        /// What was written.
        value: String,
        /// Where it was written.
        source_of_value: Source,
        /// What is wrong with it.
        problem: String,
    },
    /// The configuration file cannot be read or is no TOML.
    #[error("configuration file {}: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// `--set` without `=`.
    #[error("--set {0}: expected section.key=value")]
    NotAnAssignment(String),
    /// Values that are good each for itself and do not go together.
    #[error("{0}")]
    Contradiction(String),
}
