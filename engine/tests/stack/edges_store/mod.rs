//! The database, the group and the clock at their edges: restored, lost, renamed, shared, full, locked, damaged. Each case
//! is a real `weir run` on a real Kafka and MariaDB, and every way out that an error or docs/operations.md names is gone.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod backups;
mod bed;
mod clock;
mod full;
mod groups;
mod locks;
mod names;
mod outbox;
mod payments;
mod silent;

// The harness of the pipeline's tests.
#[path = "../pipeline/api.rs"]
#[allow(dead_code)]
mod api;
#[path = "../pipeline/engine.rs"]
#[allow(dead_code)]
mod engine;
#[path = "../common/full_disk.rs"]
mod full_disk;
#[path = "../pipeline/kafka.rs"]
#[allow(dead_code)]
mod kafka;
#[path = "../common/mariadb.rs"]
#[allow(dead_code)]
mod mariadb;
#[path = "../pipeline/member.rs"]
mod member;
#[path = "../common/port.rs"]
mod port;
#[path = "../common/refusal.rs"]
mod refusal;
#[path = "../common/stack.rs"]
#[allow(dead_code)]
mod stack;
#[path = "../pipeline/way.rs"]
#[allow(dead_code)]
mod way;
#[path = "../pipeline/windows.rs"]
#[allow(dead_code)]
mod windows;
