//! What can happen to a topic and its log, with the built `weir` on a real Kafka and MariaDB: truncated, made again, grown,
//! compacted, transactional, with records that are too large. docs/operations.md has a line for each of them.

mod compacted;
mod fixture;
mod grown;
mod large;
mod many;
mod rebalance;
mod remade;
mod topics;
mod transactional;
mod truncated;
