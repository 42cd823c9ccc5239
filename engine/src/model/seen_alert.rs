//! A message of the alert topic as it is read from there, by whoever: its texts are owned, and of bounded length.

use super::ids::RecordPosition;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAlert {
    /// Counts the messages that were read, from 1.
    pub number: u64,
    /// Partition of the alert topic.
    pub partition: i32,
    /// Offset in the alert topic.
    pub offset: i64,
    /// When it was written there, in epoch milliseconds; -1: not known.
    pub written: i64,
    /// Key of the source record, as text; bytes that are no UTF-8 are replaced.
    pub key: Option<String>,
    /// What it says.
    pub says: Says,
}

/// The kinds of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// One flagged record.
    Flagged(Flagged),
    /// Flagged records beyond `alerts.budget`, which were counted and not sent.
    NotSent(NotSentSeen),
    /// A message that is neither; how many bytes it has.
    Other(usize),
}

/// One flagged record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flagged {
    /// Which record of the source topic.
    pub record: RecordPosition,
    /// Kafka's timestamp of the record, in epoch milliseconds; -1: it has none.
    pub timestamp: i64,
    /// Revision of the rule set that judged it.
    pub revision: u64,
    /// Hits of all live rules on it.
    pub hits: Vec<SeenHit>,
    /// Hits that are not listed.
    pub more: u64,
    /// Fields in the order of `alerts.fields`, each as text; None: the record lacks it.
    pub fields: Vec<(String, Option<String>)>,
    /// The record's value, or its beginning; None: `alerts.value` does not ask for it.
    pub value: Option<String>,
    /// Whether something of it is not whole, in the topic or here.
    pub is_cut: bool,
}

/// A hit, as the alert has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenHit {
    /// The rule's name.
    pub rule: String,
    /// Version that its manifest states.
    pub version: String,
    /// Digest of its module, in hex.
    pub sha256: String,
    /// Its code.
    pub code: String,
    /// What was seen; may be empty.
    pub detail: String,
}

/// Flagged records of one partition that were not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSentSeen {
    /// Partition of the source topic.
    pub partition: i32,
    /// Offset of the first of them.
    pub from: i64,
    /// Offset of the last of them.
    pub to: i64,
    /// How many they are.
    pub records: u64,
    /// How many of them each code hit.
    pub codes: Vec<(String, u64)>,
}

impl SeenAlert {
    /// Whether a hit of the record has this code, or the summary counts it.
    pub fn has_code(&self, code: &str) -> bool {
        match &self.says {
            Says::Flagged(flagged) => flagged.hits.iter().any(|hit| hit.code == code),
            Says::NotSent(not_sent) => not_sent.codes.iter().any(|(known, _)| known == code),
            Says::Other(_) => false,
        }
    }

    /// Whether a hit of the record is this rule's.
    pub fn has_rule(&self, rule: &str) -> bool {
        matches!(&self.says, Says::Flagged(flagged) if flagged.hits.iter().any(|hit| hit.rule == rule))
    }
}
