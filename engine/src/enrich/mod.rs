//! What adds fields to a decoded record that stand in no record: lookups.

pub mod lookup;
