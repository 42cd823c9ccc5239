//! Tests on a real Kafka, MariaDB and Redis, and on databases and brokers that they start themselves. See README.md beside this
//! folder.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

/// The admin API of a running engine: schemathesis, crowds, guesses.
mod admin_schemathesis;
/// Commands that speak to a broker.
mod cli;
/// The console's pages in a real browser.
mod console;
/// The database, the group and the clock at their edges.
mod edges_store;
/// The source topic and its log at their edges.
mod edges_topic;
/// The consumer and the publisher against a broker, near, far and secured.
mod kafka;
/// `weir run` from the topic to the tables.
mod pipeline;
/// The store's contract on SQLite, MariaDB and MySQL 8, and what happens to a database.
mod store;
