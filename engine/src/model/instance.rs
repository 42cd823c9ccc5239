//! What instances of one pipeline tell each other through the database: one row an instance, which says that it is there and
//! what it does.

/// What an instance says of itself, for its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Which one, as [`InstanceRow::instance`].
    pub instance: String,
    /// As [`InstanceRow::address`].
    pub address: String,
    /// Version of Weir.
    pub version: String,
    /// When it started, in epoch milliseconds by its own clock.
    pub started_at: i64,
    /// What it does, as JSON of at most [`Beat::STATE`] bytes.
    pub state: String,
}

impl Beat {
    /// Bytes of a state at most: every instance reads the states of all of them every 2 s.
    pub const STATE: usize = 256 * 1024;
}

/// An instance, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRow {
    /// 32 hexadecimal digits that the instance drew at its start: after a restart it is another one.
    pub instance: String,
    /// Where its admin API and console are, for people.
    pub address: String,
    /// Version of Weir.
    pub version: String,
    /// When it started, in epoch milliseconds by its own clock.
    pub started_at: i64,
    /// Milliseconds since it last wrote the row, by the database's clock.
    pub age_ms: i64,
    /// What it does, as JSON that its version of Weir wrote; empty: it was not asked for.
    pub state: String,
}
