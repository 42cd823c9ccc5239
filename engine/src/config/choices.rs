//! What a key may say that takes one of a few words.

use serde::Deserialize;

/// Where a partition starts that the database never saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the log's start.
    #[default]
    Earliest,
    /// At the log's end.
    Latest,
}

/// What to do while a lookup does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnavailable {
    /// Stop judging until it answers.
    #[default]
    Wait,
    /// Its fields are missing meanwhile.
    Missing,
}

/// What becomes of a late record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It is added to its window, up to `window.allowed_lateness`.
    #[default]
    Merge,
    /// It is a dead letter.
    DeadLetter,
}

/// What becomes of a record on which a rule failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is a dead letter.
    #[default]
    DeadLetter,
    /// The rule is left out for it, and the failure counted.
    Skip,
    /// The pipeline stops.
    Halt,
}

/// What becomes of flagged records beyond `alerts.budget`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Beyond {
    /// They are counted in one summary record.
    #[default]
    Count,
    /// The checkpoint ends before them.
    Wait,
}

/// What a caller of the API, or a person at the console, may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum May {
    /// See what the pipeline does, but for the values of sensitive fields.
    Read,
    /// See the values of sensitive fields, too.
    Values,
    /// Change rules.
    Publish,
}

impl May {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Read, Self::Values, Self::Publish];

    /// The word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Values => "values",
            Self::Publish => "publish",
        }
    }
}
