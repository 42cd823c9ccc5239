//! The phases of a checkpoint, and how long each took.

use std::time::Duration;

/// A part of a checkpoint, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Rows of the outbox that are in Kafka are deleted.
    Clear,
    /// The group's offsets are asked for: they are still there.
    Offsets,
    /// The first transaction.
    Database,
    /// The second one.
    Kafka,
}

impl Phase {
    /// The value of the label `phase` of `weir_checkpoint_phase_seconds`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Offsets => "offsets",
            Self::Database => "database",
            Self::Kafka => "kafka",
        }
    }
}

/// How long the phases of one checkpoint took, waiting included; zero: it did not get there, or has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([Duration; 4]);

impl Phases {
    /// Time of a phase.
    pub fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    /// A phase has ended.
    pub(super) fn ended(&mut self, phase: Phase, took: Duration) {
        self.0[phase as usize] = took;
    }
}
