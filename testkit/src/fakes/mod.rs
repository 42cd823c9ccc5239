//! Models that are behind the engine's ports, and values for where a test does not care which.

pub mod admin;
pub mod kafka;
pub mod reason;
