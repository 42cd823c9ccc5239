//! Why a configuration can't be used: a list of keys, each with what is wrong and what to write.

use std::fmt;
use std::path::PathBuf;

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read {}: {why}", path.display())]
    Read {
        /// As it was given.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// It is no TOML.
    #[error("line {line}: {why}")]
    Syntax {
        /// Counts from 1.
        line: usize,
        /// The parser's reason.
        why: String,
    },
    /// Keys whose values can't be used, one line each.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

/// One key and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `window.group_by`.
    pub key: String,
    /// What is there, and what should be.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.why),
            key => write!(f, "{key}: {}", self.why),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
