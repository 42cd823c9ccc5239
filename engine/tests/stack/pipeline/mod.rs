//! The built `weir` against a real Kafka, MariaDB and Redis: what it counted and rejected is compared with what the test
//! knows or computes by itself. Knows the program from outside only.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod api;
mod cdnow;
mod compacted;
mod dear_rules;
mod door;
mod ends;
mod engine;
mod generated;
#[path = "../common/guest.rs"]
#[allow(dead_code)]
mod guest;
mod history;
mod hostile;
mod kafka;
mod kills;
#[path = "../hostile_modules/kinds.rs"]
#[allow(dead_code)]
mod kinds;
mod letters;
mod letters_of_hits;
mod many_groups;
mod member;
mod members;
mod memory;
#[path = "../common/mysql8.rs"]
#[allow(dead_code)]
mod mysql8;
mod outages;
mod plain;
#[path = "../common/port.rs"]
mod port;
mod proxy;
#[path = "../common/refusal.rs"]
mod refusal;
mod refusals;
#[path = "../common/stack.rs"]
#[allow(dead_code)]
mod stack;
mod stops;
mod swaps;
mod times;
mod way;
mod whole_way;
mod windows;
