//! What can happen to a topic and its log, with the built `weir` on a real Kafka and MariaDB: truncated, made again, grown,
//! compacted, transactional, with records that are too large. docs/operations.md has a line for each of them.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod bed;
mod compacted;
mod grown;
mod large;
mod many;
mod rebalance;
mod remade;
mod topics;
mod transactional;
mod truncated;

// The harness of the pipeline's tests.
#[path = "../pipeline/api.rs"]
#[allow(dead_code)]
mod api;
#[path = "../pipeline/engine.rs"]
#[allow(dead_code)]
mod engine;
#[path = "../pipeline/generated.rs"]
#[allow(dead_code)]
mod generated;
#[path = "../pipeline/history.rs"]
#[allow(dead_code)]
mod history;
#[path = "../pipeline/kafka.rs"]
#[allow(dead_code)]
mod kafka;
#[path = "../pipeline/letters.rs"]
#[allow(dead_code)]
mod letters;
#[path = "../pipeline/plain.rs"]
#[allow(dead_code)]
mod plain;
#[path = "../common/port.rs"]
mod port;
#[path = "../common/stack.rs"]
#[allow(dead_code)]
mod stack;
#[path = "../pipeline/way.rs"]
#[allow(dead_code)]
mod way;
#[path = "../pipeline/windows.rs"]
#[allow(dead_code)]
mod windows;
