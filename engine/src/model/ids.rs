//! Newtypes for the numbers that must never be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest;

/// A partition of the source topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(pub i32);

/// An offset within a partition. As a position it is the next offset to read, as Kafka counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

/// Where a record is in its topic. Written as `3@18234771`: partition, offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPosition {
    /// The partition.
    pub partition: Partition,
    /// The record's own offset.
    pub offset: Offset,
}

/// The number of a schema in its registry, as records that were written with it name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

/// The numbered state of the rule set. 0 is the empty set that nothing was ever published to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// The identity of a module: SHA-256 of the bytes that were uploaded. Displayed and serialized as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RecordPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.partition, self.offset)
    }
}

/// The text was no position of a record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no position of a record: write partition and offset, as 3@18234771")]
pub struct NotAPosition(String);

impl FromStr for RecordPosition {
    type Err = NotAPosition;

    /// Commas within the offset are allowed, as pages write them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let parse = || {
            let (partition, offset) = text.trim().split_once('@')?;
            let partition = i32::try_from(number(partition)?).ok()?;
            Some(Self { partition: Partition(partition), offset: Offset(number(&offset.replace(',', ""))?) })
        };
        parse().ok_or_else(|| NotAPosition(text.to_owned()))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("a sha256 is 64 hex digits, not {0:?}")]
pub struct NotASha256(String);

impl FromStr for Sha256 {
    type Err = NotASha256;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotASha256(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_as_it_is_read_and_nothing_else_is_one() {
        let at = RecordPosition { partition: Partition(3), offset: Offset(18_234_771) };
        assert_eq!(at.to_string(), "3@18234771");
        for text in ["3@18234771", " 3@18234771\n", "3@18,234,771", "03@018234771"] {
            assert_eq!(text.parse(), Ok(at), "{text:?}");
        }
        for text in [
            "",
            "@",
            "3@",
            "@7",
            "3",
            "3@-1",
            "-3@1",
            "+3@1",
            "3@1@2",
            "3 @1",
            "3@99999999999999999999",
            "99999999999@1",
        ] {
            assert_eq!(text.parse::<RecordPosition>(), Err(NotAPosition(text.to_owned())), "{text:?}");
        }
    }
}
