//! What a number that is a time counts since 1970-01-01T00:00:00Z.

use serde::Deserialize;

/// What a number counts that is a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    #[default]
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl Unit {
    pub(super) const ALL: [Self; 4] = [Self::S, Self::Ms, Self::Us, Self::Ns];

    /// How many of it are a second.
    pub(super) fn a_second(self) -> i128 {
        match self {
            Self::S => 1,
            Self::Ms => 1_000,
            Self::Us => 1_000_000,
            Self::Ns => 1_000_000_000,
        }
    }

    /// Epoch milliseconds of so many; what is less than a millisecond is cut off. None: beyond 64 bits.
    pub(super) fn to_ms(self, count: i128) -> Option<i64> {
        i64::try_from((count * 1_000).div_euclid(self.a_second())).ok()
    }

    /// How many of it these epoch milliseconds are.
    pub fn from_ms(self, ms: i64) -> i128 {
        (i128::from(ms) * self.a_second()).div_euclid(1_000)
    }

    /// As the key `unit` has it.
    pub fn key(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Ns => "ns",
        }
    }

    /// As a text has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "seconds",
            Self::Ms => "milliseconds",
            Self::Us => "microseconds",
            Self::Ns => "nanoseconds",
        }
    }
}
